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
    /// Writes the solution of this client's puzzle at an exit with these limits, at this time.
    static void write_proof(base::Writer& writer, std::size_t client,
                            const relay::core::ExitLimits& at, Mono when) {
        const stream::Puzzle puzzle{at.self, stream::puzzle_period_at(wall(when)), name(client)};
        const auto solution = stream::PuzzleSearch{puzzle, at.puzzle_bits}.step(1 << 24).value();
        stream::Frame frame;
        frame.type = stream::FrameType::proof;
        frame.bytes = solution;
        REQUIRE(stream::write_frame(writer, frame));
    }
    void prove(std::size_t client, const relay::core::ExitLimits& at) {
        say(client, [&](base::Writer& writer) { write_proof(writer, client, at, now); });
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

TEST_CASE("exit shares: sessions that pay enough, but solved no puzzle, keep no solved one out") {
    relay::core::ExitLimits limits;
    limits.puzzle_bits = 8;
    limits.self.bytes.fill(5);
    Strangers exit{limits};
    const auto attackers = limits.sessions_max;
    // Each attacker pays 2.5 packets a second, where 2 keep a place.
    const auto round = [&](std::size_t honest, bool solved) {
        for (std::size_t step = 0; step < 4; ++step) {
            for (std::size_t i = step; i < attackers; i += 4)
                exit.say(i);
            for (std::size_t i = attackers; i < attackers + honest; ++i)
                solved ? exit.prove(i, limits) : exit.say(i);
            exit.pass(Milliseconds{100});
        }
    };
    for (int i = 0; i < 50; ++i)
        round(0, false);
    round(100, false);
    CHECK(exit.living(attackers, attackers + 100) == 0);
    for (int i = 0; i < 5; ++i)
        round(100, true);
    CHECK(exit.living(attackers, attackers + 100) == 100);
    for (int i = 0; i < 50; ++i)
        round(100, false);  // who has shown it once need not show it again
    CHECK(exit.living(attackers, attackers + 100) == 100);
}

TEST_CASE("exit shares: a solved session keeps no place for which it does not pay") {
    relay::core::ExitLimits limits;
    limits.puzzle_bits = 8;
    limits.sessions_max = 4;
    Strangers exit{limits};
    for (std::size_t i = 0; i < 4; ++i)
        exit.prove(i, limits);
    exit.pass(Milliseconds{1'900});
    exit.prove(4, limits);
    CHECK(exit.living(0, 4) == 4);  // their first packet pays for 2 s
    exit.pass(Milliseconds{2'000});
    exit.prove(5, limits);
    CHECK(exit.living(0, 4) == 3);
    CHECK(exit.lives(5));
}

TEST_CASE("exit shares: a solution of another exit, session or day is none") {
    relay::core::ExitLimits limits;
    limits.puzzle_bits = 16;
    limits.sessions_max = 1;
    Strangers exit{limits};
    exit.say(0);
    auto elsewhere = limits;
    elsewhere.self.bytes.fill(9);
    exit.prove(1, elsewhere);
    CHECK(exit.lives(0));
    exit.say(2, [&](base::Writer& writer) { exit.write_proof(writer, 1, limits, exit.now); });
    CHECK(exit.lives(0));
    exit.say(1, [&](base::Writer& writer) {
        exit.write_proof(writer, 1, limits, exit.now - base::Seconds{4 * 3600});
    });
    CHECK(exit.lives(0));
    exit.prove(1, limits);
    CHECK_FALSE(exit.lives(0));
    CHECK(exit.lives(1));
}

TEST_CASE("exit shares: a solution counts for three session lifetimes") {
    relay::core::ExitLimits limits;
    limits.puzzle_bits = 8;
    limits.sessions_max = 1;
    Strangers exit{limits};
    exit.prove(0, limits);
    const auto live = [&](base::Nanoseconds time) {
        for (base::Nanoseconds done{}; done < time; done += Milliseconds{400}) {
            exit.pass(Milliseconds{400});
            exit.say(0);
        }
    };
    live(3 * exit.parameters.session_lifetime - base::Seconds{2});
    exit.prove(1, limits);
    CHECK(exit.lives(0));
    live(base::Seconds{4});
    exit.prove(1, limits);
    CHECK_FALSE(exit.lives(0));
    CHECK(exit.lives(1));
}
