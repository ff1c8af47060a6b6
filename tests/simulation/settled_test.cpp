// What a client writes in its packets must not depend on when replies reach it
// (docs/traffic-law.md section 2).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "sphinx/stream/header.hpp"
#include "tests/lab/world/law_world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t blob_size = 16u << 20;

enum class Does { nothing, uploads, downloads };

/// One stream that sends or fetches more than a run can carry. It acts on what has arrived at once.
class Application {
 public:
    Application(LawWorld& world, Does does)
        : world_{world}, does_{does}, bytes_{test_bytes(20'000)} {
        world.servers.add("sink.example", 7, sink_server);
        world.servers.add("blob.example", 7, blob_server);
        if (does != Does::nothing) world.application = [this] { step(); };
    }
    std::size_t read = 0;
    std::size_t written = 0;
    base::Bytes got;

    /// Call it as packets leave. Room for more comes when replies are settled. An upload that every
    /// delivery woke would now and then use the room one packet sooner, and show them itself.
    void upload() {
        if (does_ == Does::uploads && stream_) written += world_.core().write(*stream_, bytes_);
    }

 private:
    void step() {
        auto& core = world_.core();
        if (!stream_) {
            stream_ = core.open("", {does_ == Does::uploads ? "sink.example" : "blob.example", 7});
            if (!stream_) return;
            if (does_ == Does::downloads)
                core.write(*stream_, base::ByteArray<8>{0, 0, 0, 0, 1, 0, 0, 0});
        }
        while (core.readable(*stream_) > 0) {
            base::ByteArray<32'768> buffer;
            const auto size = core.read(*stream_, buffer);
            got.insert(got.end(), buffer.begin(), buffer.begin() + static_cast<int>(size));
        }
        for (const auto& event : core.take_events())
            CHECK(event.event.kind != stream::Event::Kind::reset);
        read = got.size();
    }

    LawWorld& world_;
    Does does_;
    base::Bytes bytes_;
    std::optional<client::core::StreamRef> stream_;
};

struct Said {
    std::vector<base::Bytes> messages;
    std::size_t read = 0;
    std::size_t written = 0;
};

Said run(Does does, base::Nanoseconds moved, double loss, base::Seconds duration) {
    LawOptions options;
    options.seed = options.client_seed = 41;
    options.loss = loss;
    options.moved = moved;
    LawWorld world{options};
    Application application{world, does};
    Said said;
    world.on_message = [&](base::ByteView message) {
        said.messages.emplace_back(message.begin(), message.end());
        application.upload();
    };
    world.run_for(duration);
    CHECK(application.got == [&] {
        auto bytes = test_bytes(does == Does::downloads ? blob_size : 0);
        bytes.resize(application.got.size());
        return bytes;
    }());
    said.read = application.read;
    said.written = application.written;
    return said;
}

/// The share of packets that differ.
double difference(const Said& a, const Said& b) {
    REQUIRE(a.messages.size() == b.messages.size());
    std::size_t differ = 0;
    for (std::size_t i = 0; i < a.messages.size(); ++i)
        differ += a.messages[i] != b.messages[i] ? 1 : 0;
    return static_cast<double>(differ) / static_cast<double>(a.messages.size());
}

}  // namespace

TEST_CASE("replies that come up to 2.4 s later change no byte of a client's packets") {
    for (const auto does : {Does::nothing, Does::uploads, Does::downloads}) {
        for (const double loss : {0.0, 0.01}) {
            const auto plain = run(does, 0s, loss, 60s);
            const auto moved = run(does, 2400ms, loss, 60s);
            const auto differ = difference(plain, moved);
            std::printf(
                "activity %d, loss %.0f %%: %zu packets, %.2f %% differ; read %zu and %zu, written "
                "%zu and %zu bytes\n",
                static_cast<int>(does), 100 * loss, plain.messages.size(), 100 * differ, plain.read,
                moved.read, plain.written, moved.written);
            CHECK(differ == 0);
        }
    }
}

/// Takes in which replies a packet acknowledges.
void note_acks(const stream::Acks& acks, std::set<stream::PacketNumber>& told) {
    if (acks.largest > 0) told.insert(acks.largest);
    for (std::size_t i = 0; i < stream::ack_window && i + 1 < acks.largest; ++i)
        if (acks.below[i]) told.insert(acks.largest - 1 - static_cast<stream::PacketNumber>(i));
}

TEST_CASE("what an exit reads beside frames depends on no application but by its own replies") {
    const auto idle = run(Does::nothing, 0s, 0.01, 60s);
    for (const auto does : {Does::uploads, Does::downloads}) {
        const auto busy = run(does, 2400ms, 0.01, 60s);
        REQUIRE(busy.messages.size() == idle.messages.size());
        std::size_t with_frames = 0;
        std::set<stream::PacketNumber> told[2];
        std::int64_t more_surbs = 0;
        for (std::size_t i = 0; i < idle.messages.size(); ++i) {
            const auto a = stream::decode_up(idle.messages[i]);
            const auto b = stream::decode_up(busy.messages[i]);
            REQUIRE(a);
            REQUIRE(b);
            // Every field by name: the table in docs/traffic-law.md has a row for each.
            const auto& [session, surb_count, surb_epoch, number, schedule, acks] = *a;
            CHECK(b->session == session);
            CHECK(b->surb_epoch == surb_epoch);
            CHECK(b->number == number);
            CHECK(b->schedule == schedule);
            // Claims depend on whether the reply brought something to send again. SURBs do not.
            note_acks(acks, told[0]);
            note_acks(b->acks, told[1]);
            more_surbs += std::int64_t{b->surb_count} - surb_count;
            CHECK(more_surbs == 0);
            with_frames += idle.messages[i] != busy.messages[i] ? 1 : 0;
        }
        // A reply that is claimed lost with data is claimed lost without.
        CHECK(std::ranges::includes(told[1], told[0]));
        // A reader sends little but windows.
        CHECK(with_frames > (does == Does::uploads ? idle.messages.size() / 2 : 20));
    }
}

namespace {

/// The shares of numbers that no packet has, and of replies that no packet acknowledges.
struct Missing {
    double unused;
    double lost;
};

/// Nothing is lost in this world.
Missing missing(Does does, base::Seconds duration) {
    LawOptions options;
    options.seed = options.client_seed = 42;
    LawWorld world{options};
    Application application{world, does};
    std::set<stream::PacketNumber> numbers;
    std::set<stream::PacketNumber> told;
    stream::PacketNumber largest = 0;
    std::size_t falling = 0;
    world.on_message = [&](base::ByteView message) {
        const auto header = stream::decode_up(message);
        REQUIRE(header);
        REQUIRE(numbers.insert(header->number).second);
        falling += header->number < *numbers.rbegin() ? 1 : 0;
        const auto& acks = header->acks;
        largest = std::max(largest, acks.largest);
        for (std::size_t i = 0; i < stream::ack_window; ++i)
            if (acks.below[i]) told.insert(acks.largest - 1 - static_cast<stream::PacketNumber>(i));
    };
    world.run_for(duration);
    CHECK(falling > numbers.size() / 2);
    CHECK(world.ticks_missed() == 0);
    const Missing missing{
        1 - static_cast<double>(numbers.size()) / static_cast<double>(*numbers.rbegin()),
        1 - static_cast<double>(told.size()) / largest};
    std::printf("never used: %.1f %% of numbers; claimed lost: %.2f %% of replies\n",
                100 * missing.unused, 100 * missing.lost);
    return missing;
}

}  // namespace

TEST_CASE("numbers are left out, half of the cover replies and 1 % of the others claimed lost") {
    const auto idle = missing(Does::nothing, 600s);
    CHECK(idle.unused > 0.18);
    CHECK(idle.unused < 0.22);
    CHECK(idle.lost > 0.48);
    CHECK(idle.lost < 0.52);
    // A download begins after some seconds, and fills every reply.
    const auto busy = missing(Does::downloads, 150s);
    CHECK(busy.lost > 0.007);
    CHECK(busy.lost < 0.1);
}

TEST_CASE("the stock at the exit stays near its margin, at every pace and loss") {
    for (const std::uint32_t pace : {1'500u, 4'500u, 15'000u, 45'000u}) {
        for (const double loss : {0.0, 0.05}) {
            LawOptions options;
            options.seed = options.client_seed = 43;
            options.loss = loss;
            options.exits = 1;
            options.parameters.main_slots = {pace / 9 * 10};
            options.parameters.replies = {pace};
            LawWorld world{options};
            std::optional<base::SessionId> session;
            world.on_message = [&](base::ByteView message) {
                session = stream::decode_up(message)->session;
            };
            world.run_for(60s);
            std::size_t least = 1000;
            std::size_t most = 0;
            for (int i = 0; i < 3000; ++i) {
                world.run_for(100ms);
                const auto stock = world.exit(0).sessions->stock(*session);
                least = std::min(least, stock);
                most = std::max(most, stock);
            }
            std::printf("pace %.1f, loss %.0f %%: stock %zu to %zu\n", pace / 1000.0, 100 * loss,
                        least, most);
            CHECK(least >= (loss > 0 ? 20 : 50));
            // S* varies by up to 16 SURBs. Some of them are lost.
            CHECK(most > 60 + (loss > 0 ? 8 : 10));
            CHECK(most <= 60 + 25 + 8);
            CHECK(world.ticks_missed() == 0);
        }
    }
}

TEST_CASE("an exit that stands still for some seconds costs no stream and no stock") {
    LawOptions options;
    options.seed = options.client_seed = 44;
    options.exits = 1;
    LawWorld world{options};
    Application application{world, Does::downloads};
    std::optional<base::SessionId> session;
    world.on_message = [&](base::ByteView message) {
        session = stream::decode_up(message)->session;
    };
    world.run_for(30s);
    for (int i = 0; i < 3; ++i) {
        world.exit(0).silent = true;
        world.run_for(5s);
        world.exit(0).silent = false;
        world.run_for(10s);
        const auto before = application.read;
        world.run_for(20s);
        CHECK(application.read - before > 20 * 80'000);
        CHECK(world.exit(0).sessions->stock(*session) > 30);
        CHECK(world.exit(0).sessions->stock(*session) < 100);
    }
}
