#include "client/core/guards.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace std::chrono_literals;

namespace {

constexpr base::Seconds day{86'400};

/// A client of the first of 20 gateways, all of them exits, and ten mixes in each layer.
struct Fixture {
    client_test::Network network{10, 20};
    directory::Document document = *network.document;
    base::NodeId gateway = network.gateway_ids[0];
    base::SeededRandom random{7};
    base::Wall now = network.wall;
    Guards guards;

    base::NodeId exit(std::vector<base::NodeId> in_use = {}) {
        const auto* relay = guards.exit(document, *document.find(gateway), in_use, now, random);
        return relay != nullptr ? relay->identity : base::NodeId{};
    }
    base::NodeId mix(std::uint8_t layer = 2) {
        const auto& ends = *document.find(gateway);
        const auto* relay = guards.mix(document, layer, ends, ends, now, random);
        return relay != nullptr ? relay->identity : base::NodeId{};
    }
    std::set<base::NodeId> exits(int draws = 100) {
        std::set<base::NodeId> met;
        for (int i = 0; i < draws; ++i)
            met.insert(exit());
        return met;
    }
    directory::Relay take_out(const base::NodeId& relay) {
        const auto found = std::find_if(document.relays.begin(), document.relays.end(),
                                        [&](const auto& r) { return r.identity == relay; });
        const auto taken = *found;
        document.relays.erase(found);
        return taken;
    }
    void put_back(const directory::Relay& relay) {
        document.relays.push_back(relay);
        std::sort(document.relays.begin(), document.relays.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
    }
};

}  // namespace

TEST_CASE("guards: three exits and one mix are used for weeks, whatever the documents") {
    Fixture f;
    const auto exits = f.exits();
    const auto mix = f.mix();
    CHECK(exits.size() == 3);
    CHECK(f.document.find(mix)->layer == 2);
    const auto changes = f.guards.changes();
    for (int hours = 0; hours < 41 * 24; ++hours) {
        f.now += 1h;
        ++f.document.epoch.value;
        for (auto& relay : f.document.relays)
            relay.capacity = static_cast<std::uint32_t>(1 + f.random.below(1000));
        f.network.add(directory::Role::gateway, 0);
        f.put_back(f.network.document->relays.back());
        REQUIRE(exits.contains(f.exit()));
        REQUIRE(f.mix() == mix);
    }
    CHECK(f.guards.changes() == changes);
}

TEST_CASE("guards: each is kept for a time of its own, and others take its place") {
    Fixture f;
    f.exit();
    const auto begun = f.now;
    const auto first = f.guards.state().exits.kept;
    std::set<base::Wall> ends;
    for (const auto& guard : first) {
        CHECK(guard.until >= begun + GuardRules{}.kept_min);
        CHECK(guard.until < begun + GuardRules{}.kept_max);
        ends.insert(guard.until);
    }
    CHECK(ends.size() == 3);
    f.now = *ends.begin() - 1ms;
    f.exit();
    CHECK(f.guards.state().exits.kept == first);
    f.now = *ends.begin();
    f.exit();
    const auto& next = f.guards.state().exits.kept;
    CHECK(next.size() == 3);
    CHECK(std::count_if(first.begin(), first.end(), [&](const Guard& guard) {
              return std::find(next.begin(), next.end(), guard) != next.end();
          }) == 2);
    CHECK(f.guards.state().exits.drawn.empty());
}

TEST_CASE("guards: a relay that is missing from a document is used again when it returns") {
    Fixture f;
    const auto exits = f.exits();
    const auto mix = f.mix();
    const auto exit_out = f.take_out(*exits.begin());
    const auto mix_out = f.take_out(mix);
    f.now += 1h;
    CHECK(f.exits().size() == 2);  // the other two: no new one is drawn
    CHECK_FALSE(f.exits().contains(exit_out.identity));
    const auto instead = f.mix();
    CHECK(instead != mix);
    CHECK(f.mix() == instead);
    f.put_back(exit_out);
    f.put_back(mix_out);
    f.now += 1h;
    CHECK(f.exits() == exits);
    CHECK(f.mix() == mix);
}

TEST_CASE("guards: what failed is avoided for ten minutes and then used again") {
    Fixture f;
    const auto exits = f.exits();
    const auto mix = f.mix();
    f.guards.failed(*exits.begin(), f.now);
    f.guards.failed(mix, f.now);
    f.now += guard_avoided - 1s;
    CHECK(f.exits().size() == 2);
    const auto instead = f.mix();
    CHECK(instead != mix);
    f.now += 1s;
    CHECK(f.exits() == exits);
    CHECK(f.mix() == mix);
    // Next time the same one helps out.
    f.guards.failed(mix, f.now);
    CHECK(f.mix() == instead);
}

TEST_CASE("guards: if every session fails, there are two new exits an hour, and eight in all") {
    Fixture f;
    std::set<base::NodeId> met, in_first_hour;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        const auto exit = f.exit();
        met.insert(exit);
        if (minute < 60) in_first_hour.insert(exit);
        f.guards.failed(exit, f.now);
        f.now += 1min;
        CHECK(f.guards.state().exits.drawn.size() <= guard_draws_an_hour);
    }
    CHECK(in_first_hour.size() == 5);
    CHECK(met.size() == guard_exits_max);
    f.now += 1h;
    CHECK(f.exits().size() == 3);  // and none of those is used when the first are up again

    Fixture g;
    std::set<base::NodeId> mixes;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        mixes.insert(g.mix());
        g.guards.failed(g.mix(), g.now);
        g.now += 1min;
    }
    CHECK(mixes.size() == guard_mixes_max);
}

TEST_CASE("guards: a clock that is set back allows no draws beside those of the hour") {
    Fixture f;
    const auto fail_all = [&] {
        for (int i = 0; i < 20; ++i)
            f.guards.failed(f.exit(), f.now);
        return f.guards.state().exits.kept.size();
    };
    CHECK(fail_all() == 5);
    f.now -= 59min;
    CHECK(fail_all() == 5);
    f.now += 59min + 1h;
    CHECK(fail_all() == 7);
}

TEST_CASE("guards: sessions at once are at different exits, up to the full list") {
    Fixture f;
    std::vector<base::NodeId> in_use;
    for (std::size_t i = 0; i < guard_exits_max; ++i) {
        const auto exit = f.exit(in_use);
        CHECK(std::find(in_use.begin(), in_use.end(), exit) == in_use.end());
        in_use.push_back(exit);
    }
    CHECK(f.guards.state().exits.drawn.empty());  // sessions need them: not out of turn
    const auto shared = f.exit(in_use);
    CHECK(std::find(in_use.begin(), in_use.end(), shared) != in_use.end());
    CHECK(f.guards.state().exits.kept.size() == guard_exits_max);
    // The first three are in use again when there is room.
    CHECK(f.exits().size() == 3);
}

TEST_CASE("guards: drawn by capacity, none twice, and none that the gateway's operator runs") {
    client_test::Network network{3, 4};
    auto& relays = network.document->relays;
    const auto& gateway = *network.document->find(network.gateway_ids[0]);
    std::map<base::NodeId, int> share{{network.gateway_ids[1], 1}, {network.gateway_ids[2], 3}};
    for (auto& relay : relays) {
        if (share.contains(relay.identity))
            relay.capacity = static_cast<std::uint32_t>(share[relay.identity]);
        if (relay.identity == network.gateway_ids[3]) {
            relay.capacity = 1'000'000;
            relay.operator_name = gateway.operator_name;
        }
    }
    std::map<base::NodeId, int> drawn;
    for (int i = 0; i < 4000; ++i) {
        Guards guards{GuardRules{.exits = 1, .mixes = 1, .kept_min = day, .kept_max = 2 * day}};
        ++drawn[guards.exit(*network.document, gateway, {}, network.wall, network.random)
                    ->identity];
    }
    CHECK(drawn.size() == 2);
    CHECK(drawn[network.gateway_ids[1]] == doctest::Approx(1000).epsilon(0.11));  // 4 deviations
    Guards guards;
    guards.exit(*network.document, gateway, {}, network.wall, network.random);
    CHECK(guards.state().exits.kept.size() == 2);  // all that there are
}

TEST_CASE("guards: no exit at all, and one that fails, which is better than none") {
    Fixture f;
    for (auto& relay : f.document.relays)
        if (relay.identity != f.network.gateway_ids[1]) relay.exit_policy.clear();
    const auto only = f.exit();
    CHECK(only == f.network.gateway_ids[1]);
    f.guards.failed(only, f.now);
    CHECK(f.exit() == only);
    CHECK(f.exit({only}) == only);
    for (auto& relay : f.document.relays)
        relay.exit_policy.clear();
    CHECK(f.exit().is_zero());
    CHECK(f.mix(4).is_zero());
}

TEST_CASE("guards: a network of other relays replaces them all") {
    Fixture f;
    std::vector<base::NodeId> in_use;
    for (std::size_t i = 0; i < guard_exits_max; ++i)
        in_use.push_back(f.exit(in_use));
    Fixture other;
    for (auto& relay : other.document.relays)
        relay.identity.bytes[0] ^= 0xff;
    other.gateway.bytes[0] ^= 0xff;
    std::sort(other.document.relays.begin(), other.document.relays.end(),
              [](const auto& a, const auto& b) { return a.identity < b.identity; });
    other.guards.restore(f.guards.state(), other.now);
    CHECK_FALSE(other.exit().is_zero());
    CHECK(other.exits().size() == 1);
    CHECK(other.guards.state().exits.kept.size() == guard_exits_max);
}

TEST_CASE("guards: an earlier run's state goes on, and an impossible one is cut to size") {
    Fixture f;
    const auto exits = f.exits();
    const auto mix = f.mix();
    Fixture later;
    later.now = f.now + 10 * day;
    later.guards.restore(f.guards.state(), later.now);
    CHECK(later.guards.state() == f.guards.state());
    CHECK(later.exits() == exits);
    CHECK(later.mix() == mix);

    GuardState state;
    for (int i = 0; i < 20; ++i) {
        state.exits.kept.push_back(
            {f.network.gateway_ids[static_cast<std::size_t>(i)], f.now + 1000 * day});
        state.exits.drawn.push_back(f.now);
    }
    state.exits.kept[1] = state.exits.kept[0];
    state.mixes.kept = {{base::NodeId{}, f.now + day}};
    const auto before = later.guards.changes();
    later.guards.restore(state, f.now);
    CHECK(later.guards.changes() > before);
    CHECK(later.guards.state().exits.kept.size() == guard_exits_max);
    CHECK(later.guards.state().exits.kept[1].relay == f.network.gateway_ids[2]);
    CHECK(later.guards.state().exits.kept[0].until == f.now + GuardRules{}.kept_max);
    CHECK(later.guards.state().exits.drawn.size() == guard_draws_an_hour);
    CHECK(later.guards.state().mixes.kept.empty());
}

namespace {

/// The first `count` exits state the country, the client's own gateway among them.
void settle(Fixture& f, const std::string& country, std::size_t count) {
    for (auto& relay : f.document.relays)
        if (relay.is_exit()) relay.country = count > 0 && count-- > 0 ? country : "de";
}
bool all_in(const Fixture& f, const std::set<base::NodeId>& exits, const std::string& country) {
    return std::all_of(exits.begin(), exits.end(), [&](const auto& exit) {
        const auto* relay = f.document.find(exit);
        return relay != nullptr && relay->country == country;
    });
}

}  // namespace

TEST_CASE("guards: of a chosen country only its exits, and none while the group is small") {
    Fixture f;
    settle(f, "nl", 7);
    f.guards.choose_country("nl");
    std::vector<base::NodeId> in_use;
    for (int i = 0; i < 5; ++i)
        in_use.push_back(f.exit(in_use));
    CHECK(all_in(f, {in_use.begin(), in_use.end()}, "nl"));
    CHECK(std::set<base::NodeId>(in_use.begin(), in_use.end()).size() == 5);
    settle(f, "nl", 5);
    CHECK(f.exit().is_zero());
    f.guards.choose_country("fr");
    CHECK(f.exit().is_zero());
    f.guards.choose_country("");
    CHECK_FALSE(f.exit().is_zero());
}

TEST_CASE("guards: an exit of earlier is used only while the country allows it") {
    Fixture f;
    settle(f, "nl", 7);
    const auto use = [&f](const base::NodeId& exit) {
        return f.guards.may_use(f.document, *f.document.find(exit));
    };
    const auto any = f.exits();
    f.guards.choose_country("nl");
    const auto exit = f.exit();
    CHECK(use(exit));
    CHECK(std::all_of(any.begin(), any.end(), [&](const auto& of_before) {
        return use(of_before) == (f.document.find(of_before)->country == "nl");
    }));
    settle(f, "nl", 5);
    CHECK_FALSE(use(exit));
    f.guards.choose_country("");
    CHECK(use(exit));
}

TEST_CASE("guards: who changes the country and back has the same exits again") {
    Fixture f;
    settle(f, "nl", 10);
    f.guards.choose_country("de");
    const auto first = f.exits();
    CHECK(all_in(f, first, "de"));
    f.guards.choose_country("nl");
    const auto others = f.exits();
    CHECK(all_in(f, others, "nl"));
    f.guards.choose_country("de");
    CHECK(f.exits() == first);
    f.guards.choose_country("nl");
    CHECK(f.exits() == others);
}

TEST_CASE("guards: a full list has room for three exits of the chosen country") {
    Fixture f;
    settle(f, "nl", 10);
    f.guards.choose_country("de");
    std::vector<base::NodeId> in_use;
    while (in_use.size() < guard_exits_max)
        in_use.push_back(f.exit(in_use));
    REQUIRE(f.guards.state().exits.kept.size() == guard_exits_max);
    f.guards.choose_country("nl");
    in_use.clear();
    for (int i = 0; i < 3; ++i)
        in_use.push_back(f.exit(in_use));
    CHECK(std::set<base::NodeId>(in_use.begin(), in_use.end()).size() == 3);
    CHECK(all_in(f, {in_use.begin(), in_use.end()}, "nl"));
    CHECK(f.guards.state().exits.kept.size() == guard_exits_max);
}
