// Compares packet creation in n multiplications with the plain construction, which multiplies by
// every factor in turn and exists only in this test.
#include <doctest/doctest.h>
#include <sodium.h>

#include <algorithm>

#include "sphinx/crypto/curve.hpp"
#include "sphinx/crypto/scalar_chain.hpp"
#include "sphinx/packet/draft.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

/// The plain construction: s_i = x b_0 … b_(i-1) P_i, one multiplication after the other.
RouteKeys plain_route_keys(std::span<const Hop> route, const SecretKey& initial) {
    RouteKeys keys;
    keys.hops = route.size();
    keys.alpha = public_key_of(initial);
    for (std::size_t i = 0; i < route.size(); ++i) {
        auto shared = agree(initial, route[i].key);
        for (std::size_t j = 0; j < i; ++j) {
            REQUIRE(shared);
            shared = agree(keys.of_hop[j].blinding, *PublicKey::from(shared->view()));
        }
        REQUIRE(shared);
        keys.of_hop[i] = expand(*shared);
    }
    return keys;
}

bool same(const RouteKeys& a, const RouteKeys& b) {
    if (a.hops != b.hops || a.alpha != b.alpha) return false;
    for (std::size_t i = 0; i < a.hops; ++i) {
        const auto& x = a.of_hop[i];
        const auto& y = b.of_hop[i];
        if (x.replay_tag() != y.replay_tag() ||
            base::to_hex(x.blinding.view()) != base::to_hex(y.blinding.view()))
            return false;
    }
    return true;
}

std::vector<Hop> random_route(base::Random& random, std::size_t hops) {
    std::vector<Hop> route;
    for (std::size_t i = 0; i < hops; ++i)
        route.push_back({random.id<base::NodeId>(), generate_key_pair(random).public_key, i});
    return route;
}

// A point of order 8. Adding it to a key changes the key's bytes, but no product with a clamped
// scalar.
constexpr const char* order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";

}  // namespace

TEST_CASE("creation: n multiplications give the plain construction's keys") {
    base::SeededRandom random{21};
    testing::with_every_kernel([&](Kernel) {
        for (std::size_t routes = 1; routes <= 12; ++routes) {
            std::vector<std::vector<Hop>> hops;
            std::vector<SecretKey> secrets(routes);
            std::vector<RouteKeysJob> jobs(routes);
            for (std::size_t i = 0; i < routes; ++i) {
                hops.push_back(random_route(random, 1 + (i + routes) % max_hops));
                random.fill(secrets[i].span());
            }
            for (std::size_t i = 0; i < routes; ++i) {
                jobs[i].route = hops[i];
                jobs[i].initial_secret = &secrets[i];
            }
            derive_keys(jobs);
            for (std::size_t i = 0; i < routes; ++i) {
                REQUIRE_FALSE(jobs[i].error);
                CHECK(same(jobs[i].keys, plain_route_keys(hops[i], secrets[i])));
            }
        }
    });
}

TEST_CASE("creation: the chain is exact for points of any order on the curve") {
    base::SeededRandom random{22};
    int seen = 0;
    for (int i = 0; i < 200; ++i) {
        // Any u on the curve: the point's order is l, 2l, 4l or 8l.
        const auto point = random.id<PublicKey>();
        if (!on_curve(point)) continue;
        ++seen;
        SecretKey x, b;
        random.fill(x.span());
        random.fill(b.span());
        ScalarChain chain{x};
        chain.append(b);
        const auto at_once = agree(chain.scalar(), point);
        const auto first = agree(x, point);
        REQUIRE(first);
        const auto in_turn = agree(b, *PublicKey::from(first->view()));
        REQUIRE(at_once);
        REQUIRE(in_turn);
        CHECK(base::to_hex(at_once->view()) == base::to_hex(in_turn->view()));
        CHECK((chain.scalar().data()[31] & 0xc0) == 0x40);
        CHECK((chain.scalar().data()[0] & 7) == 0);
    }
    CHECK(seen > 60);
}

TEST_CASE("creation: curve and twist are distinguished") {
    base::SeededRandom random{23};
    int on = 0;
    for (int i = 0; i < 400; ++i) {
        CHECK(on_curve(generate_key_pair(random).public_key));
        if (on_curve(random.id<PublicKey>())) ++on;
    }
    CHECK(on > 140);
    CHECK(on < 260);
    CHECK(on_curve(PublicKey{{9}}));
    CHECK_FALSE(on_curve(PublicKey{{2}}));  // RFC 7748's curve has no point with u = 2
    // libsodium refuses the Edwards point of order 8 as a group element. That confirms the
    // constant.
    const auto bytes = base::from_hex(order_8);
    REQUIRE(bytes);
    CHECK(crypto_core_ed25519_is_valid_point(bytes->data()) == 0);
}

TEST_CASE("creation: a key on the twist is refused, one of low order by its own name") {
    base::SeededRandom random{24};
    testing::with_every_kernel([&](Kernel) {
        for (std::size_t bad = 0; bad < 3; ++bad) {
            auto route = random_route(random, 3);
            route[bad].key = PublicKey{{2}};
            const auto randomness = HeaderRandomness::draw(random);
            const auto twisted = build(Version::v260, route, {}, {}, {}, 64, randomness);
            REQUIRE_FALSE(twisted);
            CHECK(twisted.error() == Error::bad_key);
            route[bad].key = PublicKey{};
            const auto low = build(Version::v260, route, {}, {}, {}, 64, randomness);
            REQUIRE_FALSE(low);
            CHECK(low.error() == Error::low_order);
        }
    });
}

TEST_CASE("creation: one job's fault is no other's, and drafts are what single calls make") {
    base::SeededRandom random{25};
    testing::with_every_kernel([&](Kernel) {
        std::vector<std::vector<Hop>> routes;
        std::vector<HeaderRandomness> drawn;
        for (std::size_t i = 0; i < 9; ++i) {
            routes.push_back(random_route(random, i % 7));  // 0 and 6 hops are refused
            drawn.push_back(HeaderRandomness::draw(random));
        }
        routes[4][1].key = PublicKey{{2}};
        const auto destination = random.id<base::Destination>();
        const auto identifier = random.id<base::SurbId>();
        std::vector<DraftJob> jobs(routes.size());
        for (std::size_t i = 0; i < jobs.size(); ++i)
            jobs[i] = {.route = routes[i],
                       .destination = destination,
                       .identifier = identifier,
                       .randomness = &drawn[i]};
        draft_batch(jobs);
        const base::Bytes message(30, 0x44);
        std::vector<SealJob> seals;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            CAPTURE(i);
            const auto alone =
                build(Version::v260, routes[i], destination, identifier, message, 99, drawn[i]);
            const bool refused = i == 0 || i == 4 || i == 6 || i == 7;
            CHECK(alone.has_value() == !refused);
            CHECK(jobs[i].outcome.has_value() == !refused);
            if (refused) {
                CHECK(jobs[i].outcome.error() == alone.error());
                continue;
            }
            seals.push_back({.draft = &*jobs[i].outcome, .message = message});
            const auto surb = to_surb(*jobs[i].outcome, identifier);
            REQUIRE(surb);
            const auto made = make_surb(routes[i], destination, identifier, drawn[i]);
            REQUIRE(made);
            CHECK(surb->surb == made->surb);
            CHECK(base::to_hex(surb->recovery.seeds.view()) ==
                  base::to_hex(made->recovery.seeds.view()));
        }
        const base::Bytes too_long(99, 0);
        seals.push_back({.draft = seals[0].draft, .message = too_long});
        seal_batch(seals, 99);
        CHECK_FALSE(seals.back().outcome);
        std::size_t next = 0;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (!jobs[i].outcome) continue;
            const auto alone =
                build(Version::v260, routes[i], destination, identifier, message, 99, drawn[i]);
            REQUIRE(seals[next].outcome);
            CHECK(*seals[next++].outcome == *alone);
        }
    });
}
