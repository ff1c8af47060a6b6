#include "sphinx/directory/exit_group.hpp"

#include <doctest/doctest.h>

#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

/// Exits of one capacity; each is of an operator of its own, until a test says otherwise.
struct Exits {
    base::SeededRandom random{3};
    Document document;

    void add(const std::string& country, std::size_t count, std::uint32_t capacity = 1) {
        for (std::size_t i = 0; i < count; ++i) {
            auto relay = test::random_relay(random, 0);
            relay.country = country;
            relay.capacity = capacity;
            relay.operator_name = country + "-" + std::to_string(document.relays.size());
            document.relays.push_back(std::move(relay));
        }
    }
};

}  // namespace

TEST_CASE("exit groups: exits of a country, their operators, and their share of the capacity") {
    Exits all;
    all.add("nl", 6, 3);
    all.add("de", 2, 1);
    all.add("", 40, 1);
    auto& relays = all.document.relays;
    relays[6].exit_policy.clear();  // a gateway that is no exit
    relays[1].operator_name = relays[0].operator_name;
    relays[2].family = relays[3].family = "birds";
    const auto group = exit_group(all.document, "nl");
    CHECK(group.exits == 6);
    CHECK(group.exits_in_all == 47);
    CHECK(group.operators == 4);
    CHECK(group.share == doctest::Approx(18.0 / (18 + 1 + 40)));
    CHECK(exit_group(all.document, "fr").exits == 0);
    CHECK(exit_group(Document{}, "nl").share == 0);
}

TEST_CASE("exit groups: only large ones may be chosen, and the line says which these are") {
    Exits all;
    all.add("nl", 5);
    all.add("de", 30);
    CHECK(group_fault(all.document, "nl") ==
          "only 5 of 35 exits state the country nl, of 5 operators; a group needs 6 exits of 3 "
          "operators, and an eighth of all (these have them: de)");
    all.add("nl", 1);
    CHECK_FALSE(group_fault(all.document, "nl"));
    CHECK(large_groups(all.document) == std::vector<std::string>{"de", "nl"});
    all.add("de", 12);  // 6 of 48 are an eighth
    CHECK(is_large(exit_group(all.document, "nl")));
    all.add("de", 1);
    CHECK_FALSE(is_large(exit_group(all.document, "nl")));
    CHECK(large_groups(all.document) == std::vector<std::string>{"de"});
    for (auto& relay : all.document.relays)
        relay.operator_name = relay.identity.bytes[0] < 128 ? "alice" : "bob";
    CHECK(group_fault(all.document, "de")->find("of 2 operators") != std::string::npos);
    CHECK(group_fault(all.document, "de")->find("no country has them") != std::string::npos);
}

TEST_CASE("exit groups: there are at most eight that may be chosen") {
    Exits all;
    for (const auto* country : {"at", "be", "ch", "de", "es", "fr", "gb", "hu", "it"})
        all.add(country, 20);
    CHECK(large_groups(all.document).empty());
    all.document.relays.resize(8 * 20);
    CHECK(large_groups(all.document).size() == 8);
}

TEST_CASE("exit groups: what the choice shows, as docs/anonymity.md says") {
    const auto share = [](double of_capacity, double choosers) {
        ExitGroup group;
        group.share = of_capacity;
        return chosen_among(group, 3, choosers);
    };
    CHECK(share(0.125, 0.05) == doctest::Approx(0.964).epsilon(0.001));
    CHECK(share(0.25, 0.05) == doctest::Approx(0.771).epsilon(0.001));
    CHECK(share(0.5, 0.05) == doctest::Approx(0.296).epsilon(0.001));
    CHECK(share(0.125, 0.01) == doctest::Approx(0.838).epsilon(0.001));
    CHECK(share(1, 0.05) == doctest::Approx(0.05));

    // As many clients that draw their exits have, of those whose exits are all of the group.
    base::SeededRandom random{5};
    int chose = 0, all = 0;
    for (int client = 0; client < 200'000; ++client) {
        const bool choice = random.below(20) == 0;
        int inside = 0;
        for (int i = 0; i < 3; ++i)
            inside += choice || random.below(4) == 0 ? 1 : 0;
        if (inside < 3) continue;
        ++all;
        chose += choice ? 1 : 0;
    }
    CHECK(static_cast<double>(chose) / all == doctest::Approx(share(0.25, 0.05)).epsilon(0.02));
}
