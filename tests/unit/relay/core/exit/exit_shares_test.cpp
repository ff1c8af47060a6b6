// What strangers take of an exit's sessions and memory, and whom the exit takes it from: the
// session that has paid least, in packets, for what it holds.
#include "sphinx/base/codec.hpp"
#include "tests/unit/relay/core/exit/exit_harness.hpp"

using namespace nightjar;
using namespace nightjar::exit_test;

namespace {

/// Plays any number of clients, each with a packet at any time. Their frames are raw.
struct Strangers : Harness {
    using Harness::Harness;

    static base::SessionId name(std::size_t client) {
        base::SessionId session;
        session.bytes.fill(0xAA);
        session.bytes[0] = static_cast<std::uint8_t>(client >> 8);
        session.bytes[1] = static_cast<std::uint8_t>(client);
        return session;
    }
    /// A packet of this client. `frames` writes into the room for them.
    template <class Frames>
    void say(std::size_t client, Frames frames) {
        if (numbers.size() <= client) numbers.resize(client + 1);
        stream::UpHeader header;
        header.session = name(client);
        header.number = ++numbers[client];
        header.schedule = {1, 0, 0, 0};  // no tick spends a SURB
        header.surb_count = 1;
        header.surb_epoch = static_cast<std::uint8_t>(epoch);
        base::Bytes bytes(stream::message_size);
        encode(header, bytes);
        base::Writer writer{base::ByteSpan{bytes}.last(stream::up_room(1))};
        frames(writer);
        exit.on_message(bytes, now, wall(now));
    }
    void say(std::size_t client) {
        say(client, [](base::Writer&) {});
    }
    void pass(Milliseconds time) {
        std::vector<ExitSessions::Reply> replies;
        now += time;
        exit.tick(now, wall(now), replies);
    }
    bool lives(std::size_t client) const { return exit.stock(name(client)) > 0; }
    /// Among the clients from `first` to before `end`.
    std::size_t living(std::size_t first, std::size_t end) const {
        std::size_t count = 0;
        for (auto client = first; client < end; ++client)
            count += lives(client);
        return count;
    }

    static constexpr auto epoch = wall_start.time_since_epoch() / Seconds{3600};
    std::vector<stream::PacketNumber> numbers;
};

/// As many streams as fit, each with one byte at the far end of its first window, and no OPEN.
void far_bytes(base::Writer& writer) {
    for (stream::StreamId id = 1; id <= 292; ++id) {
        stream::Frame frame;
        frame.type = stream::FrameType::data;
        frame.stream = id;
        frame.value = 8191;
        const std::array<std::uint8_t, 1> byte{1};
        frame.bytes = byte;
        if (!stream::write_frame(writer, frame)) return;
    }
}

}  // namespace

TEST_CASE("exit shares: sessions that say something every 1.9 s keep no honest session out") {
    Strangers exit;
    const std::size_t attackers = relay::core::ExitLimits{}.sessions_max;
    const auto round = [&](std::size_t honest) {
        // 1.9 s in 19 steps; an honest client on trial sends five packets a second.
        for (std::size_t step = 0; step < 19; ++step) {
            for (std::size_t i = step; i < attackers; i += 19)
                exit.say(i);
            for (std::size_t i = 0; i < honest && step % 2 == 0; ++i)
                exit.say(attackers + i);
            exit.pass(Milliseconds{100});
        }
    };
    for (int i = 0; i < 6; ++i)
        round(0);
    for (int i = 0; i < 6; ++i)
        round(100);
    CHECK(exit.living(attackers, attackers + 100) == 100);
}

TEST_CASE(
    "exit shares: a byte far ahead costs a page, and not for long if nothing opens its stream") {
    Strangers exit;
    exit.say(1);
    const auto before = exit.exit.memory();
    exit.say(1, far_bytes);
    CHECK(exit.exit.memory() - before < 300'000);
    for (int second = 0; second < 20; ++second) {
        exit.say(1);
        exit.pass(Milliseconds{1'000});
    }
    CHECK(exit.exit.memory() - before > 200'000);  // an OPEN may have been lost
    for (int second = 0; second < 21; ++second) {
        exit.say(1);
        exit.pass(Milliseconds{1'000});
    }
    CHECK(exit.exit.memory() - before < 140'000);
}

TEST_CASE("exit shares: when memory is short the session that has paid least for its part ends") {
    relay::core::ExitLimits limits;
    limits.memory_max = std::size_t{16} << 20;
    Strangers exit{limits};
    const std::size_t honest = 9'999;
    const auto open = [](base::Writer& writer) {
        stream::Frame frame;
        frame.type = stream::FrameType::open;
        frame.stream = 1;
        frame.port = 80;
        frame.bytes = base::as_bytes("a.org");
        REQUIRE(stream::write_frame(writer, frame));
    };
    exit.say(honest, open);
    const relay::core::StreamRef download{exit.name(honest), 1};
    exit.exit.accept(download);
    const base::Bytes bytes(50'000);
    for (int ms = 0; ms < 10'000; ms += 20) {
        exit.say(honest);
        exit.pass(Milliseconds{20});
        if (ms % 1'000 == 0) exit.exit.write(download, bytes);
    }
    for (std::size_t i = 0; i < 500; ++i) {
        exit.say(i, far_bytes);
        if (i % 10 == 0) exit.say(honest);
        exit.pass(Milliseconds{2});
    }
    CHECK(exit.lives(honest));
    CHECK(exit.exit.memory() <= limits.memory_max);
}
