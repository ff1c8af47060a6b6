// What an authority keeps of others' statements, and when it asks for their descriptors.
#include "relay/authority/core/offers.hpp"

#include <doctest/doctest.h>

#include "sphinx/base/random.hpp"
#include "tests/support/council.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

TEST_CASE("offers: after many hashes it still asks for what it has not seen") {
    const auto made = test::make_council(4, 5);
    base::SeededRandom random{3};
    Offers offers{made.council, {7}};
    CHECK_FALSE(offers.unseen(offers.descriptors_hash()));
    for (int i = 0; i < 1000; ++i) {
        const auto hash = random.id<ValueId>();
        REQUIRE(offers.unseen(hash));
        offers.saw(hash);
        REQUIRE_FALSE(offers.unseen(hash));
    }
}
