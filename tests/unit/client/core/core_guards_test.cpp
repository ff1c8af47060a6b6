// The core uses the exits and mixes of its guards, and tells them which failed.
#include <doctest/doctest.h>

#include <set>

#include "client/core/core.hpp"
#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    client_test::Network network{6, 8};
    base::MailboxId self = network.random.id<base::MailboxId>();
    base::NodeId gateway = network.gateway_ids[0];
    Core core{network.document, self, gateway, network.random, network.now};
    base::Mono now = network.now;

    /// The middle mixes and the exits of the session packets of this time. No reply ever comes.
    struct Passed {
        std::set<base::NodeId> mixes, exits;
    };
    base::Wall wall() const {
        return network.wall + std::chrono::floor<base::Milliseconds>(now - network.now);
    }
    Passed run(base::Nanoseconds duration) {
        Passed passed;
        for (const auto end = now + duration; now < end; now += 1ms) {
            for (const auto& packet : core.tick(now)) {
                const auto walked =
                    network.walk(gateway, packet.cell->body(), packet.cell->epoch());
                if (walked.path.back() == gateway) {  // a loop
                    core.on_delivery(network.delivery(walked), now);
                    continue;
                }
                if (network.is_filler(walked)) continue;
                passed.mixes.insert(walked.path[2]);
                passed.exits.insert(walked.path[4]);
            }
            core.prepare(now, wall());
        }
        return passed;
    }
};

}  // namespace

TEST_CASE("core: sessions use the kept exits and the kept mix, after a restart too") {
    Fixture f;
    f.core.connected(f.now, f.network.wall);
    const auto passed = f.run(3s);
    const auto kept = f.core.guards();
    REQUIRE(passed.mixes.size() == 1);
    REQUIRE(passed.exits.size() == 1);
    REQUIRE(kept.exits.kept.size() == 3);
    REQUIRE(kept.mixes.kept.size() == 1);
    CHECK(*passed.mixes.begin() == kept.mixes.kept[0].relay);
    CHECK(std::any_of(kept.exits.kept.begin(), kept.exits.kept.end(),
                      [&](const Guard& guard) { return guard.relay == *passed.exits.begin(); }));

    for (int i = 0; i < 5; ++i) {
        Core again{f.network.document, f.self, f.gateway, f.network.random, f.now};
        again.restore_guards(kept, f.network.wall);
        REQUIRE(again.changed_guards() != nullptr);
        again.connected(f.now, f.network.wall);
        CHECK(again.guards() == kept);
        CHECK(again.changed_guards() == nullptr);
    }
}

TEST_CASE("core: changed guards are reported once") {
    Fixture f;
    CHECK(f.core.changed_guards() == nullptr);
    f.core.connected(f.now, f.network.wall);
    const auto* changed = f.core.changed_guards();
    REQUIRE(changed != nullptr);
    CHECK(*changed == f.core.guards());
    f.run(1s);
    CHECK(f.core.changed_guards() == nullptr);
}

TEST_CASE("core: where nothing answers, the next session has another exit and another mix") {
    Fixture f;
    f.core.connected(f.now, f.network.wall);
    const auto first = f.run(10s);
    REQUIRE(first.exits.size() == 1);
    f.run(13s);  // 3 s until the first tick, 8 s of silence, and the next step of the plan
    const auto second = f.run(3s);
    REQUIRE(second.exits.size() == 1);
    CHECK(second.exits != first.exits);
    REQUIRE(second.mixes.size() == 1);
    CHECK(second.mixes != first.mixes);
    CHECK(f.core.guards().exits.kept.size() == 3);
    CHECK(f.core.guards().mixes.kept.size() == 2);
    CHECK(f.core.guards().mixes.drawn.size() == 1);
}

TEST_CASE("core: a kept mix that leaves the network is replaced by one of the guards") {
    Fixture f;
    f.core.connected(f.now, f.network.wall);
    const auto first = f.run(2s);
    auto next = std::make_shared<directory::Document>(*f.network.document);
    std::erase_if(next->relays,
                  [&](const auto& relay) { return relay.identity == *first.mixes.begin(); });
    f.core.use(next);
    f.run(200ms);  // packets that were ready
    const auto second = f.run(2s);
    REQUIRE(second.mixes.size() == 1);
    CHECK(second.mixes != first.mixes);
    REQUIRE(f.core.guards().mixes.kept.size() == 2);
    CHECK(f.core.guards().mixes.kept[1].relay == *second.mixes.begin());
    CHECK(second.exits == first.exits);
}

TEST_CASE("no session begins at an exit that the chosen country no longer allows") {
    Fixture f;
    const auto settle = [&f](std::size_t count) {
        auto document = std::make_shared<directory::Document>(*f.network.document);
        for (auto& relay : document->relays)
            if (relay.is_exit()) relay.country = count > 0 && count-- > 0 ? "nl" : "de";
        f.core.use(document);
    };
    const auto sessions_after_an_interruption = [&f] {
        f.core.disconnected();
        f.now += 120s;
        f.run(1s);
        f.core.connected(f.now, f.wall());
        f.run(10ms);
        return f.core.status(f.now).sessions;
    };
    f.core.choose_exit_country("nl");
    settle(8);
    f.core.connected(f.now, f.wall());
    f.run(10ms);
    const auto before = f.core.status(f.now).sessions;
    REQUIRE(before.size() == 1);
    settle(5);  // too few to hide among
    CHECK(sessions_after_an_interruption().empty());
    settle(8);
    const auto after = sessions_after_an_interruption();
    REQUIRE(after.size() == 1);
    CHECK(after[0].exit == before[0].exit);
}
