#include "sphinx/directory/route.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

std::string names(const Route& route) {
    std::string text;
    for (const auto* relay : route)
        text += (text.empty() ? "" : " ") + relay->name;
    return text;
}

/// The number of times that each route is drawn.
template <class Draw>
std::map<std::string, int> counts_of(int draws, const Draw& draw) {
    std::map<std::string, int> counts;
    for (int i = 0; i < draws; ++i)
        ++counts[names(*draw())];
    return counts;
}

/// Compares the chi-square of draws that should be uniform over `cells` with its mean plus 5 sigma.
void check_uniform(const std::map<std::string, int>& counts, std::size_t cells, int draws) {
    CHECK(counts.size() == cells);
    const auto expected = static_cast<double>(draws) / static_cast<double>(cells);
    double chi_square = 0;
    for (const auto& [route, count] : counts)
        chi_square += (count - expected) * (count - expected) / expected;
    const auto freedom = static_cast<double>(cells - 1);
    CHECK(chi_square < freedom + 5 * std::sqrt(2 * freedom));
}

}  // namespace

TEST_CASE("relays of one operator or family share no route; nameless ones share any") {
    Relay a, b;
    a.identity.bytes[0] = 1;
    b.identity.bytes[0] = 2;
    CHECK(may_share_route(a, b));
    CHECK_FALSE(may_share_route(a, a));
    a.operator_name = b.operator_name = "alice";
    CHECK_FALSE(may_share_route(a, b));
    b.operator_name = "bob";
    CHECK(may_share_route(a, b));
    a.family = b.family = "birds";
    CHECK_FALSE(may_share_route(a, b));
    b.family = "fish";
    CHECK(may_share_route(a, b));
    a.family = "bob";  // a family's name is not compared with an operator's
    CHECK(may_share_route(a, b));
}

TEST_CASE("routes pass gateway, each layer once, gateway") {
    base::SeededRandom random{1};
    for (unsigned layers = 1; layers <= 3; ++layers) {
        auto network = test::make_network(layers, {.layers = layers});
        auto& document = network.document;
        const auto& g1 = test::named(document, "gateway-1");
        const auto& g2 = test::named(document, "gateway-2");
        for (int i = 0; i < 50; ++i) {
            const auto forward = forward_route(document, g1, g2, {}, random);
            REQUIRE(forward);
            REQUIRE(forward->size() == layers + 2);
            CHECK(forward->front() == &g1);
            CHECK(forward->back() == &g2);
            for (std::size_t hop = 1; hop < forward->size(); ++hop)
                CHECK(may_forward(document, *(*forward)[hop - 1], *(*forward)[hop]));
            const auto reply = reply_route(document, g2, g1, {}, random);
            REQUIRE(reply);
            REQUIRE(reply->size() == layers + 1);
            CHECK(reply->front()->layer == 1);
            CHECK(reply->back() == &g1);
            const auto loop = forward_route(document, g1, g1, {}, random);
            REQUIRE(loop);
            CHECK(loop->front() == loop->back());
        }
    }
}

TEST_CASE("routes are uniform over all that the families allow") {
    base::SeededRandom random{2};
    auto network = test::make_network(1, {.mixes_per_layer = 3});
    auto& document = network.document;
    const auto& g1 = test::named(document, "gateway-1");
    const auto& g2 = test::named(document, "gateway-2");
    constexpr int draws = 27'000;
    const auto forward = [&] { return forward_route(document, g1, g2, {}, random); };
    check_uniform(counts_of(draws, forward), 27, draws);

    // alice has a mix in each of two layers. This pair is excluded: three routes of 27.
    test::named(document, "mix-1-1").operator_name = "alice";
    test::named(document, "mix-2-1").operator_name = "alice";
    const auto counts = counts_of(draws, forward);
    CHECK_FALSE(counts.contains("gateway-1 mix-1-1 mix-2-1 mix-3-1 gateway-2"));
    check_uniform(counts, 24, draws);

    // If she also runs the exit, none of her mixes may be on the route.
    test::named(document, "gateway-2").operator_name = "alice";
    const auto reply = [&] { return reply_route(document, g2, g1, {}, random); };
    check_uniform(counts_of(draws, reply), 12, draws);
}

TEST_CASE("routes are uniform where a layer is hardly in the document") {
    base::SeededRandom random{12};
    auto network = test::make_network(1, {.mixes_per_layer = 2, .gateways = 300});
    auto& document = network.document;
    const auto& g1 = test::named(document, "gateway-1");
    const auto& g2 = test::named(document, "gateway-2");
    constexpr int draws = 4'000;
    const auto forward = [&] { return forward_route(document, g1, g2, {}, random); };
    check_uniform(counts_of(draws, forward), 8, draws);
}

TEST_CASE("kept mixes stay, if they may") {
    base::SeededRandom random{3};
    auto network = test::make_network(1);
    auto& document = network.document;
    const auto& g1 = test::named(document, "gateway-1");
    const auto& g2 = test::named(document, "gateway-2");
    const auto* kept = &test::named(document, "mix-2-1");
    std::map<std::string, int> counts;
    for (int i = 0; i < 4000; ++i) {
        const auto route = choose_mixes(document, {&g1, &g2}, {nullptr, kept}, random);
        REQUIRE(route);
        CHECK((*route)[1] == kept);
        ++counts[names(*route)];
    }
    check_uniform(counts, 4, 4000);
    // With a kept mix in the wrong layer, or one that conflicts with an end, there is no route.
    CHECK_FALSE(choose_mixes(document, {&g1, &g2}, {kept}, random));
    test::named(document, "mix-2-1").family = test::named(document, "gateway-2").family = "birds";
    CHECK_FALSE(choose_mixes(document, {&g1, &g2}, {nullptr, kept}, random));
    CHECK(choose_mixes(document, {&g1}, {nullptr, kept}, random));
}

TEST_CASE("the one route that families leave is found, and none where there is none") {
    base::SeededRandom random{4};
    // 40 mixes per layer. All but one in each layer belong to one operator: one route of 64,000 is
    // valid.
    auto network = test::make_network(1, {.mixes_per_layer = 40});
    auto& document = network.document;
    for (auto& relay : document.relays) {
        if (relay.role == Role::mix) relay.operator_name = "one-hand";
    }
    test::named(document, "mix-1-7").operator_name = "a";
    test::named(document, "mix-2-8").operator_name = "b";
    const auto& g1 = test::named(document, "gateway-1");
    const auto& g2 = test::named(document, "gateway-2");
    for (int i = 0; i < 20; ++i) {
        const auto route = forward_route(document, g1, g2, {}, random);
        REQUIRE(route);
        std::size_t of_one_hand = 0;
        for (const auto* relay : *route)
            of_one_hand += relay->operator_name == "one-hand";
        CHECK(of_one_hand <= 1);
    }
    test::named(document, "mix-1-7").operator_name = "one-hand";
    test::named(document, "mix-2-8").operator_name = "one-hand";
    CHECK_FALSE(forward_route(document, g1, g2, {}, random));
    CHECK_FALSE(reply_route(document, g2, g1, {}, random));
}

TEST_CASE("two ends of one operator have no route; a layer without mixes has none either") {
    base::SeededRandom random{5};
    auto network = test::make_network(1);
    auto& document = network.document;
    auto& g1 = test::named(document, "gateway-1");
    auto& g2 = test::named(document, "gateway-2");
    g1.operator_name = g2.operator_name = "alice";
    CHECK_FALSE(forward_route(document, g1, g2, {}, random));
    CHECK_FALSE(reply_route(document, g2, g1, {}, random));
    CHECK_FALSE(reply_route(document, g1, g1, {}, random));
    CHECK(forward_route(document, g1, g1, {}, random));  // a loop
    std::erase_if(document.relays, [](const Relay& relay) { return relay.layer == 2; });
    const auto& g = test::named(document, "gateway-1");
    CHECK_FALSE(forward_route(document, g, g, {}, random));
    CHECK_FALSE(relay_loop_route(document, g, random));
}

TEST_CASE("a relay's loop goes once around and ends at the relay") {
    base::SeededRandom random{6};
    for (unsigned layers = 1; layers <= 3; ++layers) {
        auto network = test::make_network(layers, {.layers = layers});
        const auto& document = network.document;
        for (const auto& self : document.relays) {
            for (int i = 0; i < 20; ++i) {
                const auto route = relay_loop_route(document, self, random);
                REQUIRE(route);
                REQUIRE(route->size() == layers + 1);
                CHECK(route->back() == &self);
                const Relay* before = &self;
                for (const auto* relay : *route) {
                    CHECK(may_forward(document, *before, *relay));
                    before = relay;
                }
            }
        }
    }
    auto network = test::make_network(9);
    auto& document = network.document;
    test::named(document, "mix-2-1").operator_name = "alice";
    test::named(document, "gateway-1").operator_name = "alice";
    std::map<std::string, int> counts;
    for (int i = 0; i < 4000; ++i)
        ++counts[names(*relay_loop_route(document, test::named(document, "mix-2-1"), random))];
    for (const auto& [route, count] : counts)
        CHECK(route.find("gateway-1") == std::string::npos);
    check_uniform(counts, 4, 4000);
}

TEST_CASE("an exit is never the client's own gateway, nor of its operator or family") {
    base::SeededRandom random{7};
    auto network = test::make_network(1, {.gateways = 5});
    auto& document = network.document;
    const auto& own = test::named(document, "gateway-1");
    test::named(document, "gateway-2").exit_policy.clear();
    test::named(document, "gateway-1").family = "birds";
    test::named(document, "gateway-3").family = "birds";
    std::map<std::string, int> counts;
    for (int i = 0; i < 4000; ++i)
        ++counts[choose_exit(document, own, random)->name];
    check_uniform(counts, 2, 4000);
    CHECK(counts.contains("gateway-4"));
    CHECK(counts.contains("gateway-5"));
    auto alone = test::make_network(1, {.gateways = 1});
    CHECK(choose_exit(alone.document, test::named(alone.document, "gateway-1"), random) == nullptr);
}

TEST_CASE("packets are forwarded along gateway, 1, 2, 3, gateway only") {
    for (unsigned layers = 1; layers <= 3; ++layers) {
        const auto network = test::make_network(1, {.layers = layers});
        const auto& document = network.document;
        for (const auto& from : document.relays) {
            for (const auto& to : document.relays) {
                const bool next = to.layer == from.layer + 1;
                const bool out = from.layer == layers && to.layer == 0;
                CHECK(may_forward(document, from, to) == (next || out));
            }
        }
    }
}
