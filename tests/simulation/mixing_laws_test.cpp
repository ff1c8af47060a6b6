// A whole network under each law of mixing: a client's sessions, streams, loops and handovers keep
// their times.
#include <doctest/doctest.h>

#include "tests/lab/world/client_node.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/lab/world/world.hpp"

using namespace nightjar;
using namespace nightjar::lab::world;
using namespace std::chrono_literals;
using directory::MixLaw;

namespace {

WorldOptions options_with(const directory::Mixing& mixing) {
    WorldOptions options;
    options.seed = 14;
    options.packets = Packets::clear;
    options.parameters.mixing = mixing;
    options.parameters.session_lifetime = 60s;  // to get some handovers
    return options;
}

/// Sends `bytes` to an echo server and returns what came back within 30 s.
base::Bytes echoed(World& world, client::core::Core& core, base::ByteView bytes) {
    const auto stream = core.open("", {"echo.example", 7});
    REQUIRE(stream);
    base::Bytes back;
    std::size_t written = 0;
    const auto step = [&] {
        written += core.write(*stream, bytes.subspan(written));
        base::ByteArray<4096> buffer;
        while (const auto taken = core.read(*stream, buffer))
            back.insert(back.end(), buffer.begin(), buffer.begin() + taken);
        return back.size() == bytes.size();
    };
    CHECK(world.run_until(step, 30s));
    core.reset(*stream);
    return back;
}

}  // namespace

TEST_CASE("mixing laws: sessions, streams and loops keep their times under each of them") {
    const directory::Mixing laws[] = {
        {},
        {.law = MixLaw::timed_pool, .interval = 25ms, .keep = 1},
        {.law = MixLaw::threshold, .packets = 8},
    };
    for (const auto& mixing : laws) {
        CAPTURE(static_cast<int>(mixing.law));
        World world{options_with(mixing)};
        world.servers.add("echo.example", 7, echo_server);
        base::MailboxId mailbox{{0xc1}};
        auto& client =
            world.add<ClientNode>(mailbox, mailbox, world.gateway(0).identity(), ClientLife{});
        REQUIRE(world.run_until([&] { return client.core().ready(); }, 10s));
        const auto bytes = test_bytes(3000);
        for (int i = 0; i < 10; ++i) {
            CHECK(echoed(world, client.core(), bytes) == bytes);
            world.run_for(15s);
        }
        double held_s = 0, packets = 0;
        for (const auto* relay : world.relays()) {
            for (const auto count : relay->counters.dropped)
                CHECK(count == 0);
            CHECK(relay->counters.loops_lost == 0);
            CHECK(relay->counters.loops_returned > 1000);
            CHECK(relay->counters.ticks_missed == 0);
            held_s += static_cast<double>(relay->counters.held_ns) * 1e-9;
            packets += static_cast<double>(relay->counters.held_packets);
        }
        if (mixing.law == MixLaw::threshold)
            CHECK(held_s / packets < 0.05);
        else
            CHECK(held_s / packets == doctest::Approx(0.05).epsilon(0.02));
        const auto status = client.core().status(world.now());
        CHECK(status.slots_lost == 0);
        CHECK(status.deliveries_unknown == 0);
        CHECK(status.loops_sent - status.loops_returned < 15);  // those still on their way
    }
}
