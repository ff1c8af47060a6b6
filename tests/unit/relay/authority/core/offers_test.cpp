// What an authority keeps of others' statements, and when it asks for their descriptors.
#include "relay/authority/core/offers.hpp"

#include <doctest/doctest.h>

#include "sphinx/base/random.hpp"
#include "tests/support/council.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

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

TEST_CASE("offers: rules that run get new lists without the descriptors, and new rules get all") {
    const auto made = test::make_council(4, 5);
    base::SeededRandom random{3};
    const base::Epoch epoch{500'000};
    std::vector<std::string> descriptors;
    Admissions list;
    for (std::uint16_t i = 0; i < 8; ++i) {
        const test::RelayKeys keys{random};
        auto relay = test::random_relay(random, i < 6 ? 1 : 0);
        keys.name_in(relay);
        relay.addresses = {{"192.0.2.1", static_cast<std::uint16_t>(1000 + i)}};
        if (i >= 6) relay.exit_policy = "accept *:80,443";
        descriptors.push_back(keys.describe(relay, epoch));
        list.push_back({relay.identity, "operator-" + std::to_string(i), "", 1});
    }
    std::sort(list.begin(), list.end(),
              [](const auto& a, const auto& b) { return a.identity < b.identity; });
    Offers offers{made.council, epoch};
    std::vector<Listing> listings;
    for (const auto& seed : made.seeds) {
        CHECK(offers.add(own_commitment(made.council, epoch, seed)));
        listings.push_back(make_listing(made.council, epoch, 1, value_id(encode(list)), seed));
        CHECK(offers.add(listings.back()));
    }
    CHECK(offers.add_list(encode(list)));
    for (const auto& text : descriptors)
        CHECK(offers.add_descriptor(text).fresh);

    Terms terms;
    terms.network = "test";
    DocumentRules rules{made.council, terms, epoch, {}};
    for (const auto& seed : made.seeds)
        CHECK(rules.offer(own_commitment(made.council, epoch, seed)));
    offers.offer_lists_to(rules);
    for (const auto& listing : listings)
        CHECK_FALSE(rules.offer(listing, list));  // it is there already
    CHECK(rules.build().empty());
    CHECK(rules.fault() == "a layer has no mix");
    DocumentRules others{made.council, terms, epoch, {}};
    offers.offer_to(others);
    CHECK_FALSE(others.build().empty());
}

TEST_CASE("offers: a text that is here is known without being read again, and no other one is") {
    const auto made = test::make_council(4, 5);
    base::SeededRandom random{3};
    const base::Epoch epoch{500'000};
    const test::RelayKeys keys{random};
    auto relay = test::random_relay(random, 1);
    keys.name_in(relay);
    relay.addresses = {{"192.0.2.1", 1000}};
    const auto text = keys.describe(relay, epoch);
    CHECK(named_relay(text) == relay.identity);
    CHECK_FALSE(named_relay("relay 00"));
    CHECK_FALSE(named_relay("\nrelay 00"));
    CHECK_FALSE(named_relay("\nrelay " + std::string(64, 'x')));
    Offers offers{made.council, epoch, {1, 1}};
    CHECK_FALSE(offers.holds(text));
    CHECK(offers.add_descriptor(text).fresh);
    CHECK(offers.holds(text));
    auto forged = text;
    forged[forged.size() - 2] ^= 1;
    CHECK_FALSE(offers.holds(forged));
    CHECK_FALSE(offers.add_descriptor(forged).reason.empty());
    // What does not count any more is not said to be here.
    const Admissions list{{relay.identity, "", "", 1, false, Standing::expelled}};
    for (const auto& seed : made.seeds)
        CHECK(offers.add(make_listing(made.council, epoch, 1, value_id(encode(list)), seed)));
    CHECK(offers.add_list(encode(list)));
    CHECK_FALSE(offers.holds(text));
}
