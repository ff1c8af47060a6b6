// Parameters that all authorities have configured for a later epoch.
#include <doctest/doctest.h>

#include "sphinx/directory/announcement.hpp"
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
            const directory::Announcement said{from, directory::parameters_hash(changed)};
            CHECK(directory::announcement_in(document.optional) ==
                  (epoch < from ? std::optional{said} : std::nullopt));
        }
}

TEST_CASE("documents announce a change for a day of epochs, and not before") {
    using relay::authority::core::announced_epochs;
    relay::authority::core::Terms terms;
    terms.optional = {{"a", "1"}, {"z", "2"}};
    CHECK(terms.optional_of({1000}) == terms.optional);
    auto changed = terms.parameters;
    changed.relay_loops = {20'000};
    terms.change = {{1000}, changed};
    for (const std::uint32_t before : {1u, 2u, announced_epochs}) {
        const auto lines = terms.optional_of({1000 - before});
        REQUIRE(lines.size() == 3);
        CHECK(lines[1] == directory::to_line({{1000}, directory::parameters_hash(changed)}));
    }
    for (const std::uint32_t epoch : {0u, 1000 - announced_epochs - 1, 1000u, 1001u})
        CHECK(terms.optional_of({epoch}) == terms.optional);
}

TEST_CASE(
    "driver: an authority that has not configured a change signs no document that announces it") {
    Authorities network{4};
    network.run_epochs(1);
    auto changed = network.terms.parameters;
    changed.relay_loops = {20'000};
    const base::Epoch from{network.epoch().value + 3};
    for (std::size_t i = 0; i < 4; ++i)
        network.stop(i);
    network.own_terms[3] = network.terms;
    network.terms.change = {from, changed};
    for (std::size_t i = 0; i < 4; ++i)
        network.start(i);
    network.run_epochs(2);  // up to the one before the change
    REQUIRE(network.epoch() < from);
    REQUIRE(network.documents[0].contains(network.epoch()));
    const auto& document = network.documents[0].at(network.epoch());
    CHECK(directory::announcement_in(document.optional)->from == from);
    CHECK(document.signatures.size() == 3);
    CHECK_FALSE(network.documents[3].contains(network.epoch()));
}
