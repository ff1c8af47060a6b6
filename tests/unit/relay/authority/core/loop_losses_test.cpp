// Which relays lose packets: honest networks, lossy relays, and bad ones that accuse a good one.
#include "relay/authority/core/loop_losses.hpp"

#include <doctest/doctest.h>

#include <functional>

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

using Names = std::vector<base::NodeId>;

/// A network of relays that lose packets.
struct Town {
    directory::Document document;
    std::map<std::uint8_t, Names> layers;  // 0: gateways
    base::SeededRandom random;
    /// The share that a relay loses of what comes to it from `before` and goes to `next`.
    std::function<double(const base::NodeId& relay, const base::NodeId* before,
                         const base::NodeId* next)>
        loses = [](auto...) { return 0.0; };
    LoopLosses losses;

    Town(std::uint64_t seed, std::size_t mixes, std::size_t gateways) : random{seed} {
        for (std::uint8_t layer = 0; layer <= 3; ++layer)
            for (std::size_t i = 0; i < (layer == 0 ? gateways : mixes); ++i) {
                directory::Relay relay;
                relay.identity = random.id<base::NodeId>();
                relay.role = layer == 0 ? directory::Role::gateway : directory::Role::mix;
                relay.layer = layer;
                document.relays.push_back(relay);
                layers[layer].push_back(relay.identity);
            }
        std::sort(document.relays.begin(), document.relays.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
    }

    const base::NodeId& any(std::uint8_t layer) {
        return layers[layer][random.below(layers[layer].size())];
    }
    bool returns(const Names& way) {
        for (std::size_t i = 0; i < way.size(); ++i) {
            const auto* before = i > 0 ? &way[i - 1] : nullptr;
            const auto* next = i + 1 < way.size() ? &way[i + 1] : nullptr;
            if (random.unit() < loses(way[i], before, next)) return false;
        }
        return true;
    }
    void sweep() {
        losses.begin_sweep();
        for (const auto& turn : plan_sweep(document, random))
            for (std::size_t i = 0; i < turn.loops; ++i) {
                const Names way{turn.gateway, any(1), any(2), any(3), turn.gateway};
                losses.record(way, returns(way));
            }
    }
    std::map<base::NodeId, LoopLosses::Loss> after(int sweeps) {
        for (int i = 0; i < sweeps; ++i)
            sweep();
        return losses.stated(document);
    }
};

}  // namespace

TEST_CASE("loop losses: of honest relays that lose some packets none is stated") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        Town town{seed, 8, 6};
        // Some have a bad line: two of them lose a tenth.
        const auto one = town.any(1), other = town.any(0);
        town.loses = [&](const auto& relay, auto...) {
            return relay == one || relay == other ? 0.1 : 0.01;
        };
        CHECK(town.after(6).empty());
    }
}

TEST_CASE("loop losses: a relay that loses a third is stated, and no other one") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        Town town{seed, 10, 6};
        const auto bad = town.any(static_cast<std::uint8_t>(seed % 4));
        town.loses = [&](const auto& relay, auto...) { return relay == bad ? 0.35 : 0.01; };
        const auto stated = town.after(6);
        REQUIRE(stated.size() == 1);
        CHECK(stated.begin()->first == bad);
        CHECK(stated.begin()->second.share > 0.25);
        CHECK(stated.begin()->second.share < 0.45);
        CHECK(stated.begin()->second.loops > 500);
    }
}

TEST_CASE("loop losses: several bad relays are told apart, also in the smallest network") {
    Town town{3, 10, 10};
    const Names bad{town.layers[0][1], town.layers[1][2], town.layers[2][3]};
    town.loses = [&](const auto& relay, auto...) {
        return std::find(bad.begin(), bad.end(), relay) == bad.end() ? 0.01 : 0.5;
    };
    const auto stated = town.after(6);
    CHECK(stated.size() == 3);
    for (const auto& relay : bad)
        CHECK(stated.contains(relay));
    Town small{4, 2, 2};
    const auto dead = small.layers[2][0];
    small.loses = [&](const auto& relay, auto...) { return relay == dead ? 1.0 : 0.0; };
    const auto found = small.after(3);
    REQUIRE(found.size() == 1);
    CHECK(found.begin()->first == dead);
}

TEST_CASE("loop losses: bad neighbours cannot have a good relay stated") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        Town town{seed, 10, 10};
        const auto victim = town.layers[1][0];
        // Three of ten gateways, and three of ten mixes of layer 2, lose all that they exchange
        // with it.
        Names bad;
        for (std::size_t i = 0; i < 3; ++i) {
            bad.push_back(town.layers[0][i]);
            bad.push_back(town.layers[2][i]);
        }
        town.loses = [&](const auto& relay, const auto* before, const auto* next) {
            const bool is_bad = std::find(bad.begin(), bad.end(), relay) != bad.end();
            const bool meets =
                (before != nullptr && *before == victim) || (next != nullptr && *next == victim);
            return is_bad && meets ? 1.0 : 0.01;
        };
        CHECK_FALSE(town.after(6).contains(victim));
    }
}

TEST_CASE("loop losses: what lasts for less than three sweeps, or is over, states nothing") {
    Town town{5, 6, 4};
    const auto bad = town.any(2);
    double share = 0.9;
    town.loses = [&](const auto& relay, auto...) { return relay == bad ? share : 0.0; };
    CHECK(town.after(2).empty());
    CHECK(town.after(1).size() == 1);
    share = 0;
    CHECK(town.after(1).empty());
    share = 0.9;
    CHECK(town.after(2).empty());
    CHECK(town.after(1).size() == 1);
    town.losses.forget(bad);
    CHECK(town.losses.stated(town.document).empty());
}

TEST_CASE(
    "loop losses: what cannot be told apart is not stated, nor more than half of a position") {
    // Each loop passes the one mix of layer 1 and the one of layer 2.
    Town narrow{6, 3, 4};
    for (const std::uint8_t layer : {1, 2})
        narrow.layers[layer].resize(1);
    narrow.loses = [&](const auto& relay, auto...) {
        return relay == narrow.layers[2][0] ? 0.6 : 0.0;
    };
    CHECK(narrow.after(6).empty());
    Town half{7, 3, 4};
    half.loses = [&](const auto& relay, auto...) {
        return relay == half.layers[2][0] || relay == half.layers[2][1] ? 0.9 : 0.0;
    };
    CHECK(half.after(6).empty());
}

TEST_CASE("loop losses: a sweep is bounded, and reaches each gateway") {
    Town town{8, 40, 30};
    const auto turns = plan_sweep(town.document, town.random);
    CHECK(turns.size() == 30);
    std::size_t loops = 0;
    std::set<base::NodeId> gateways;
    for (const auto& turn : turns) {
        loops += turn.loops;
        gateways.insert(turn.gateway);
        CHECK(turn.loops == turns.front().loops);
    }
    CHECK(gateways.size() == 30);
    CHECK(loops <= loops_a_sweep);
    CHECK(loops > loops_a_sweep - 30);
    // What comes beyond the bound counts for nothing.
    const Names way{town.any(0), town.any(1), town.any(2), town.any(3)};
    for (std::size_t sweep = 0; sweep < 3; ++sweep) {
        town.losses.begin_sweep();
        for (std::size_t i = 0; i < loops_a_sweep; ++i)
            town.losses.record({town.any(0), town.any(1), town.any(2), town.any(3)}, true);
        for (std::size_t i = 0; i < loops_a_sweep; ++i)
            town.losses.record(way, false);
    }
    CHECK(town.losses.stated(town.document).empty());
}
