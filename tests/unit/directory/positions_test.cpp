#include "sphinx/directory/positions.hpp"

#include <doctest/doctest.h>

#include "sphinx/directory/quorum.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

constexpr const char* hint =
    "; give all relays of one operator the same position, or leave one of "
    "the two out";

}  // namespace

TEST_CASE("each operator and each family that has two positions is found once") {
    struct Row {
        const char* name;
        const char* first;
        const char* second;
        std::string Relay::*field;
        std::size_t found;
    };
    const auto operators = &Relay::operator_name;
    const auto families = &Relay::family;
    for (const auto& row : {Row{"gateway and mix", "gateway-1", "mix-1-1", operators, 1},
                            Row{"mixes of two layers", "mix-1-1", "mix-2-1", operators, 1},
                            Row{"the last two layers", "mix-2-1", "mix-3-2", families, 1},
                            Row{"gateway and mix, family", "gateway-2", "mix-3-1", families, 1},
                            Row{"two mixes of a layer", "mix-3-1", "mix-3-2", operators, 0},
                            Row{"two gateways", "gateway-1", "gateway-2", families, 0}}) {
        INFO(std::string{row.name});
        auto document = test::make_network(1).document;
        CHECK(two_positions(document).empty());  // no relay has an operator: none is another's
        auto& first = test::named(document, row.first);
        auto& second = test::named(document, row.second);
        first.*row.field = second.*row.field = "birds";
        const auto found = two_positions(document);
        CHECK(found.size() == row.found);
        for (const auto& pair : found) {
            CHECK(pair.family == (row.field == families));
            CHECK((pair.first == &first || pair.first == &second));
            CHECK((pair.second == &first || pair.second == &second));
            CHECK(pair.first != pair.second);
        }
    }
    auto document = test::make_network(1).document;
    for (auto& relay : document.relays)
        relay.operator_name = relay.family = "birds";
    CHECK(two_positions(document).size() == 2);
}

TEST_CASE("the message names the operator, both relays and the remedy") {
    auto document = test::make_network(1).document;
    auto& gateway = test::named(document, "gateway-1");
    auto& mix = test::named(document, "mix-2-1");
    gateway.operator_name = mix.operator_name = "alice";
    TwoPositions pair{&gateway, &mix, false};
    CHECK(to_text(pair) == std::string{"operator alice has two positions: relay gateway-1 is a "
                                       "gateway and relay mix-2-1 is a mix of layer 2"} +
                               hint);
    mix.name.clear();
    gateway.family = mix.family = "birds";
    pair.family = true;
    CHECK(
        to_text(pair).starts_with("family birds has two positions: relay gateway-1 is a gateway "
                                  "and relay " +
                                  base::to_hex(mix.identity.bytes).substr(0, 8) + " is a mix"));
}

TEST_CASE("a document in which an operator has two positions is refused, with all signatures") {
    auto network = test::make_network(1, {.authorities = 3});
    auto& document = network.document;
    const auto sign_all = [&] {
        for (const auto& seed : network.authorities)
            sign(document, seed);
    };
    test::named(document, "mix-1-1").operator_name = "alice";
    test::named(document, "mix-1-2").operator_name = "alice";
    sign_all();
    CHECK(check(document, network.anchors, document.valid_from, {}));

    test::named(document, "gateway-1").operator_name = "alice";
    sign_all();
    const auto refused = check(document, network.anchors, document.valid_from, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Refusal::two_positions);
    CHECK(
        reason(refused.error(), document).starts_with("operator alice has two positions: relay "));
    CHECK(reason(Refusal::expired, document) == to_string(Refusal::expired));
}
