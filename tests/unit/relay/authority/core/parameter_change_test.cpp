// Parameters that all authorities have configured for a later epoch.
#include <doctest/doctest.h>

#include "tests/support/authorities.hpp"

using namespace nightjar;
using test::Authorities;

TEST_CASE(
    "driver: parameters that were configured for an epoch come with its document, in no other") {
    Authorities network{4};
    auto changed = network.terms.parameters;
    changed.relay_loops = {20'000};
    const base::Epoch from{network.epoch().value + 3};
    network.terms.change = {from, changed};
    network.run_epochs(5);
    for (std::size_t i = 0; i < 4; ++i)
        for (auto epoch = base::Epoch{from.value - 2}; epoch <= network.epoch();
             epoch = epoch.next()) {
            CAPTURE(i);
            CAPTURE(epoch.value);
            REQUIRE(network.documents[i].contains(epoch));
            const auto& document = network.documents[i].at(epoch);
            CHECK(document.parameters == (epoch < from ? network.terms.parameters : changed));
        }
}
