// The client's core in a whole network with real packets.
#include <doctest/doctest.h>

#include <sodium.h>

#include <cstdio>

#include "sphinx/base/codec.hpp"
#include "sphinx/directory/lint.hpp"
#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"
#include "tests/simulation/short_run.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;

namespace {

ClientNode& add_client(World& world, base::Milliseconds clock_offset = {}) {
    base::MailboxId mailbox;
    mailbox.bytes.fill(0xc1);
    return world.add<ClientNode>(mailbox, mailbox, world.gateway(0).identity(),
                                 lab::world::ClientLife{.clock_offset = clock_offset});
}

std::uint64_t dropped(World& world, relay::core::DropReason reason) {
    std::uint64_t sum = 0;
    for (auto* relay : world.relays())
        sum += relay->counters.dropped[static_cast<std::size_t>(reason)];
    return sum;
}

/// Sends `up`, finishes, and reads until the other side has finished or reset.
base::Bytes exchange(World& world, client::core::Core& core, const stream::Target& target,
                     base::ByteView up, base::Nanoseconds limit) {
    const auto stream = core.open("", target);
    REQUIRE(stream);
    base::Bytes down;
    std::size_t written = 0;
    bool over = false;
    const auto step = [&] {
        if (written < up.size()) {
            written += core.write(*stream, up.subspan(written));
            if (written == up.size()) core.finish(*stream);
        }
        base::ByteArray<16'384> buffer;
        while (const auto taken = core.read(*stream, buffer))
            down.insert(down.end(), buffer.begin(), buffer.begin() + taken);
        for (const auto& event : core.take_events()) {
            CHECK(event.event.kind != stream::Event::Kind::reset);
            over = over || event.event.kind == stream::Event::Kind::finished ||
                   event.event.kind == stream::Event::Kind::reset;
        }
        return over;
    };
    CHECK(world.run_until(step, limit));
    return down;
}

base::Bytes eight_bytes(std::uint64_t value) {
    base::Bytes bytes(8);
    base::Writer{bytes}.u64(value);
    return bytes;
}

}  // namespace

TEST_CASE("looking at a client changes nothing on any link") {
    // A delivery waits for the next slot unless core() has been called (client_node.cpp).
    struct Seen {
        base::Mono sent;
        std::size_t from;
        std::size_t to;
        base::Bytes cell;
        bool operator==(const Seen&) const = default;
    };
    const auto watch = [](bool looks) {
        WorldOptions options;
        options.packets = Packets::clear;
        World world{options};
        auto& client = add_client(world);
        std::vector<Seen> seen;
        world.wire = [&](OnWire& wire) {
            const auto bytes = wire.cell.bytes();
            seen.push_back(
                {wire.sent, wire.from_number, wire.to_number, {bytes.begin(), bytes.end()}});
        };
        if (looks) REQUIRE_FALSE(client.core().ready());
        world.run_for(10s);
        CHECK(client.core().ready());
        return seen;
    };
    const auto unseen = watch(false);
    CHECK(unseen.size() > 5000);
    CHECK(watch(true) == unseen);
}

TEST_CASE("1 MiB arrives intact each way with 1 % of packets dropped at every relay") {
    WorldOptions options;
    options.seed = 11;
    options.parameters.lab = true;
    options.pipeline.lab_drop_share = 0.01;
    World world{options};
    world.servers.add("blob.example", 80, blob_server);
    world.servers.add("sink.example", 80, sink_server);
    auto& client = add_client(world);
    REQUIRE(world.run_until([&] { return client.core().ready(); }, 10s));

    const std::size_t size = test::short_run() ? 256 * 1024 : 1024 * 1024;
    const auto seconds = [&](base::Mono from) { return base::to_seconds(world.now() - from); };
    auto from = world.now();
    const auto down = exchange(world, client.core(), {"blob.example", 80}, eight_bytes(size), 300s);
    const auto down_seconds = seconds(from);
    CHECK(down == test_bytes(size));

    from = world.now();
    const auto answer =
        exchange(world, client.core(), {"sink.example", 80}, test_bytes(size), 300s);
    const auto up_seconds = seconds(from);
    REQUIRE(answer.size() == 40);
    CHECK(base::Bytes(answer.begin(), answer.begin() + 8) == eight_bytes(size));
    base::ByteArray<32> hash;
    const auto sent = test_bytes(size);
    crypto_hash_sha256(hash.data(), sent.data(), sent.size());
    CHECK(std::equal(hash.begin(), hash.end(), answer.begin() + 8));

    CHECK(dropped(world, relay::core::DropReason::injected) > 100);
    CHECK(dropped(world, relay::core::DropReason::malformed) == 0);
    CHECK(dropped(world, relay::core::DropReason::misrouted) == 0);
    CHECK(dropped(world, relay::core::DropReason::overflow) == 0);
    CHECK(client.core().status(world.now()).slots_lost == 0);
    std::printf(
        "%zu bytes at 1 %% drops per relay: down %.1f s (%.1f kB/s), up %.1f s (%.1f kB/s)\n", size,
        down_seconds, size / down_seconds / 1000, up_seconds, size / up_seconds / 1000);
}

namespace {

struct Clocks {
    std::string what;
    base::Milliseconds client;
    base::Milliseconds gateways;
    base::Milliseconds mixes;
    std::uint32_t slots;   // U, main slots per second; the other rates follow from it
    std::uint32_t margin;  // surb_margin, the constant part of the stock target
    int boundaries;
    std::uint64_t ticks_missed_max;
};

// The cases of docs/traffic-law.md section 5. In the first row the exit discards some 50
// SURBs at once. It keeps those of 1.2 s, 11 of them, and more arrive 0.6 s later. That is enough
// for nearly all of the 5 ticks in between.
const Clocks clocks[] = {
    {"client 30 s behind", -30s, 0s, 0s, 10, 60, 2, 3},
    {"client 30 s ahead", 30s, 0s, 0s, 5, 60, 2, 0},
    {"client and exits 15 s behind, mixes 15 s ahead", -15s, -15s, 15s, 20, 24, 1, 0},
    {"client and exits 15 s ahead, mixes 15 s behind", 15s, 15s, -15s, 20, 24, 1, 0},
};

WorldOptions epochs_world(const Clocks& row) {
    WorldOptions options;
    options.seed = 12;
    auto& law = options.parameters;
    law.epoch_length = 900s;
    law.main_slots = {row.slots * 1'000};
    law.client_loops = {row.slots * 100};
    law.replies = {row.slots * 900};
    law.down = directory::least_down(law);
    law.relay_loops = {500};
    law.surb_margin = row.margin;
    const auto epoch = directory::epoch_at(options.start, law.epoch_length);
    options.start = directory::epoch_start(epoch.next(), law.epoch_length) - 90s;
    return options;
}

}  // namespace

TEST_CASE("clocks 30 s apart and two epochs' ends: a client loses no packet to the choice of key") {
    for (const auto& row : clocks) {
        if (test::short_run() && row.gateways != 0s) continue;
        CAPTURE(row.what);
        World world{epochs_world(row)};
        for (auto* relay : world.relays())
            relay->clock_offset = row.mixes;
        for (std::size_t i = 0; i < world.options().gateways; ++i)
            world.gateway(i).clock_offset = row.gateways;
        world.servers.add("echo.example", 7, echo_server);
        auto& client = add_client(world, row.client);
        world.run_for(30s);
        REQUIRE(client.core().ready());
        std::size_t exchanged = 0;
        const auto boundaries = test::short_run() ? 1 : row.boundaries;
        for (const auto end = world.now() + 150s + (boundaries - 1) * 900s; world.now() < end;) {
            const auto bytes = test_bytes(3000);
            CHECK(exchange(world, client.core(), {"echo.example", 7}, bytes, 60s) == bytes);
            ++exchanged;
            world.run_for(2s);
        }
        CHECK(exchanged > 15);
        std::uint64_t ticks_missed = 0;
        for (auto* relay : world.relays()) {
            for (const auto count : relay->counters.dropped)
                CHECK(count == 0);
            CHECK(relay->counters.loops_lost == 0);
            ticks_missed += relay->counters.ticks_missed;
        }
        CHECK(ticks_missed <= row.ticks_missed_max);
        const auto status = client.core().status(world.now());
        CHECK(status.slots_lost == 0);
        CHECK(status.deliveries_unknown == 0);
        CHECK(status.loops_sent - status.loops_returned < 15);  // those still on their way
    }
}

TEST_CASE("a ping names each relay on its route, and needs every one of them") {
    WorldOptions options;
    options.seed = 13;
    options.mixes_per_layer = 1;
    World world{options};
    auto& client = add_client(world);
    REQUIRE(world.run_until([&] { return client.core().ready(); }, 10s));
    world.run_for(2s);
    const auto nonce = client.core().ping();
    REQUIRE(nonce);
    world.run_for(5s);
    const auto pings = client.core().take_pings();
    REQUIRE(pings.size() == 1);
    CHECK(pings[0].nonce == *nonce);
    CHECK(pings[0].round_trip > 50ms);
    CHECK(pings[0].round_trip < 3s);
    REQUIRE(pings[0].there.size() == 5);
    REQUIRE(pings[0].back.size() == 4);
    CHECK(pings[0].there.front() == world.gateway(0).identity());
    CHECK(pings[0].there.back() == world.gateway(1).identity());
    CHECK(pings[0].back.back() == world.gateway(0).identity());
    for (unsigned layer = 1; layer <= 3; ++layer) {
        CHECK(pings[0].there[layer] == world.mix(layer, 0).identity());
        CHECK(pings[0].back[layer - 1] == world.mix(layer, 0).identity());
    }
    // Every relay counts: the mixes, the exit, and the client's own gateway, which must not be able
    // to answer by itself.
    for (auto* relay : world.relays()) {
        CAPTURE(base::to_hex(relay->identity().bytes));
        relay->up = false;
        world.run_for(1s);  // lets packets that were behind it arrive
        client.core().take_pings();
        client.core().ping();
        world.run_for(5s);
        CHECK(client.core().take_pings().empty());
        relay->up = true;
        const auto answered = [&] {
            client.core().ping();
            return !client.core().take_pings().empty();
        };
        CHECK(world.run_until(answered, 60s));
        world.run_for(5s);
    }
}
