#include "client/core/routes.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/unit/client_network.hpp"

using namespace nightjar;
using namespace nightjar::client::core;

namespace {

struct Fixture {
    client_test::Network network{4, 3};
    base::NodeId gateway = network.gateway_ids[0];
    base::NodeId exit = network.gateway_ids[1];

    const directory::Relay& gateway_relay() const { return *network.document->find(gateway); }
    directory::Route forward(SessionRoutes& routes) {
        const auto route = routes.forward(*network.document, gateway_relay(), network.random);
        REQUIRE(route);
        REQUIRE(route->size() == 5);
        return *route;
    }
    directory::Route reply(SessionRoutes& routes) {
        const auto route = routes.reply(*network.document, gateway_relay(), network.random);
        REQUIRE(route);
        REQUIRE(route->size() == 4);
        return *route;
    }
    /// The mixes of each layer that 60 packets and 60 replies pass.
    struct Passed {
        std::set<base::NodeId> there[3], back[3];
    };
    Passed pass(SessionRoutes& routes) {
        Passed passed;
        for (int i = 0; i < 60; ++i) {
            const auto there = forward(routes);
            const auto back = reply(routes);
            for (std::size_t layer = 0; layer < 3; ++layer) {
                passed.there[layer].insert(there[layer + 1]->identity);
                passed.back[layer].insert(back[layer]->identity);
            }
        }
        return passed;
    }
    /// A newer document, without one of the relays if one is named.
    void change_document(SessionRoutes& routes, const base::NodeId& without = {}) {
        routes.document_changed();
        auto next = std::make_shared<directory::Document>(*network.document);
        std::erase_if(next->relays, [&](const auto& r) { return r.identity == without; });
        network.document = next;
    }
};

}  // namespace

TEST_CASE("routes: from the gateway through each layer to the exit, and back") {
    Fixture f;
    SessionRoutes routes{f.exit, 1};
    const auto there = f.forward(routes);
    CHECK(there.front()->identity == f.gateway);
    CHECK(there.back()->identity == f.exit);
    const auto back = f.reply(routes);
    CHECK(back.back()->identity == f.gateway);
    for (std::size_t layer = 0; layer < 3; ++layer) {
        CHECK(there[layer + 1]->layer == layer + 1);
        CHECK(back[layer]->layer == layer + 1);
    }
}

TEST_CASE("routes: so many mixes stay, there and back, the middle layer's first") {
    const std::vector<std::vector<std::size_t>> kept{{}, {1}, {0, 1}, {0, 1, 2}};
    for (std::uint32_t fixed = 0; fixed < kept.size(); ++fixed) {
        CAPTURE(fixed);
        Fixture f;
        SessionRoutes routes{f.exit, fixed};
        const auto passed = f.pass(routes);
        for (std::size_t layer = 0; layer < 3; ++layer) {
            CAPTURE(layer);
            const auto& layers = kept[fixed];
            const bool stays = std::find(layers.begin(), layers.end(), layer) != layers.end();
            CHECK(passed.there[layer].size() == (stays ? 1 : 4));
            CHECK(passed.back[layer] == passed.there[layer]);
        }
    }
}

TEST_CASE("routes: a mix stays over a newer document, as long as that has it") {
    Fixture f;
    SessionRoutes routes{f.exit, 2};
    const auto before = f.pass(routes);
    f.change_document(routes);
    const auto after = f.pass(routes);
    for (const std::size_t layer : {0, 1})
        CHECK(after.there[layer] == before.there[layer]);
    // The middle one leaves: another takes its place for good, and the first layer's stays.
    f.change_document(routes, *before.there[1].begin());
    const auto left = f.pass(routes);
    CHECK(left.there[0] == before.there[0]);
    REQUIRE(left.there[1].size() == 1);
    CHECK(left.there[1] != before.there[1]);
    CHECK(left.back[1] == left.there[1]);
    f.change_document(routes);
    CHECK(f.pass(routes).there[1] == left.there[1]);
}

TEST_CASE("routes: an exit that has left the network has no route") {
    Fixture f;
    SessionRoutes routes{f.exit, 1};
    f.forward(routes);
    f.change_document(routes, f.exit);
    CHECK_FALSE(routes.forward(*f.network.document, f.gateway_relay(), f.network.random));
    CHECK_FALSE(routes.reply(*f.network.document, f.gateway_relay(), f.network.random));
}

TEST_CASE("routes: hops have the epoch's keys, and every one but the last a delay of its own") {
    Fixture f;
    SessionRoutes routes{f.exit, 1};
    const auto& document = *f.network.document;
    const auto route = f.forward(routes);
    for (const bool next : {false, true}) {
        CAPTURE(next);
        const auto epoch = next ? document.epoch.next() : document.epoch;
        const auto hops = to_hops(document, route, epoch, f.network.random);
        REQUIRE(hops);
        REQUIRE(hops->size() == route.size());
        std::set<std::uint64_t> delays;
        for (std::size_t i = 0; i < route.size(); ++i) {
            CHECK((*hops)[i].address == route[i]->identity);
            CHECK((*hops)[i].key == (next ? route[i]->next_mix_key : route[i]->mix_key));
            delays.insert((*hops)[i].delay_ns);
        }
        CHECK(hops->back().delay_ns == 0);
        CHECK(delays.size() == route.size());
        CHECK(*delays.rbegin() <=
              static_cast<std::uint64_t>(document.parameters.delay_cap().count()));
    }
    for (const auto epoch : {document.epoch.next().next(), base::Epoch{document.epoch.value - 1}})
        CHECK_FALSE(to_hops(document, route, epoch, f.network.random));
}
