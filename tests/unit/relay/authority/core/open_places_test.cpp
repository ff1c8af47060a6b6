// Relays that no operator has admitted: which of them get a place, and that authorities agree on
// it.
#include "relay/authority/core/open_places.hpp"

#include <doctest/doctest.h>

#include "relay/authority/core/offers.hpp"
#include "tests/support/authorities.hpp"
#include "tests/unit/relay/authority/core/network_of_values.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using test::values::Member;
using test::values::Network;

namespace {

base::IpNetwork prefix(const char* address) {
    return open_prefix(base::IpAddress::parse(address).value());
}

OpenClaim claim(std::uint8_t number, const char* address, std::uint32_t since) {
    OpenClaim made{{}, prefix(address), {since}};
    made.identity.bytes.fill(number);
    return made;
}

std::string places(const std::vector<OpenClaim>& claims, const OpenBounds& bounds) {
    std::string numbers;
    for (const auto& id : share_places(claims, bounds))
        numbers += std::to_string(id.bytes[0]) + " ";
    return numbers;
}

/// A mix that no operator has admitted, in 192.0.NETWORK.0/24.
Member stranger(Network& network, int in) {
    Member made{test::RelayKeys{network.random}, test::random_relay(network.random, 1)};
    made.keys.name_in(made.relay);
    made.relay.addresses = {{"192.0." + std::to_string(in) + ".7",
                             static_cast<std::uint16_t>(network.random.below(60'000) + 1)}};
    return made;
}

std::string fault(const DocumentRules& rules, EpochValue value) {
    std::sort(value.descriptors.begin(), value.descriptors.end());
    const auto outcome = rules.outcome(encode(value));
    return outcome ? "" : outcome.error();
}

bool describes(const EpochOutcome& outcome, const Member& member) {
    return std::binary_search(outcome.described.begin(), outcome.described.end(),
                              member.relay.identity);
}

/// The rules of an authority that has heard of these strangers too.
DocumentRules rules_with(const Network& network, const std::vector<const Member*>& strangers) {
    auto rules = network.rules();
    for (const auto* each : strangers)
        CHECK(rules.offer_descriptor(each->describe(network.epoch)) == "");
    return rules;
}

/// The next epoch, with these strangers.
EpochOutcome step_with(Network& network, const std::vector<Member*>& strangers) {
    auto rules = rules_with(network, {strangers.begin(), strangers.end()});
    const auto follows = rules.outcome(rules.build());
    REQUIRE(follows);
    const auto outcome = *follows;
    network.chain = outcome.next;
    network.epoch = network.epoch.next();
    return outcome;
}

}  // namespace

TEST_CASE("open places: the prefix is an IPv4 /24 or an IPv6 /48, and one for all addresses") {
    CHECK(prefix("192.0.2.1") == prefix("192.0.2.255"));
    CHECK(prefix("192.0.2.1") != prefix("192.0.3.1"));
    CHECK(prefix("2001:db8:1:2::3") == prefix("2001:db8:1:ffff::"));
    CHECK(prefix("2001:db8:1::") != prefix("2001:db8:2::"));
    directory::Relay relay;
    CHECK_FALSE(open_prefix(relay));
    relay.addresses = {{"192.0.2.1", 1}, {"192.0.2.200", 2}};
    CHECK(open_prefix(relay) == prefix("192.0.2.7"));
    relay.addresses.push_back({"192.0.3.1", 1});
    CHECK_FALSE(open_prefix(relay));
    relay.addresses = {{"192.0.2.1", 1}, {"2001:db8::1", 1}};
    CHECK_FALSE(open_prefix(relay));
}

TEST_CASE("open places: so many for each prefix and in all, and who came first keeps its place") {
    const std::vector<OpenClaim> claims{claim(1, "192.0.2.1", 9), claim(2, "192.0.2.2", 8),
                                        claim(3, "192.0.2.3", 9), claim(4, "192.0.3.1", 9),
                                        claim(5, "192.0.4.1", 7)};
    CHECK(places(claims, {2, 9}) == "1 2 4 5 ");
    CHECK(places(claims, {1, 9}) == "2 4 5 ");
    CHECK(places(claims, {3, 3}) == "1 2 5 ");
    CHECK(places(claims, {9, 1}) == "5 ");
    CHECK(places(claims, {}).empty());
    CHECK(places(claims, {1, 0}).empty());
    CHECK_FALSE(OpenBounds{1, 0}.open());
    CHECK_FALSE(OpenBounds{0, 1}.open());
}

TEST_CASE("open places: what a proposer leaves out gets no place beside what it has") {
    base::SeededRandom random{5};
    for (int round = 0; round < 300; ++round) {
        std::vector<OpenClaim> all;
        for (std::uint8_t i = 0; i < 12; ++i)
            all.push_back(claim(i, ("192.0." + std::to_string(random.below(4)) + ".1").c_str(),
                                static_cast<std::uint32_t>(random.below(3))));
        const OpenBounds bounds{1 + static_cast<std::uint32_t>(random.below(3)),
                                1 + static_cast<std::uint32_t>(random.below(8))};
        const auto placed = share_places(all, bounds);
        std::vector<OpenClaim> some;
        for (const auto& each : all)
            if (placed.contains(each.identity) || random.below(2) == 0) some.push_back(each);
        CHECK(share_places(some, bounds) == placed);
    }
}

TEST_CASE("open places: a value has room for so many relays, and the admitted ones come first") {
    Admissions list(descriptors_max - 3);
    CHECK(places_beside(list, {2, 50}).relays == 3);
    CHECK(places_beside({}, {2, 50}) == OpenBounds{2, 50});
    list.front().standing = Standing::expelled;
    CHECK(places_beside(list, {2, 50}).relays == 4);
    list.resize(descriptors_max + 1);
    CHECK(places_beside(list, {2, 50}).relays == 0);
}

TEST_CASE("open places: a stranger joins as an operator of its own, if admission is open") {
    Network network{4};
    auto wren = stranger(network, 7);
    wren.relay.operator_name = "operator-0";
    network.step();
    // By default it is not.
    CHECK_FALSE(describes(step_with(network, {&wren}), wren));
    network.terms.open = {1, 5};
    CHECK(describes(step_with(network, {&wren}), wren));
    const auto outcome = step_with(network, {&wren});
    REQUIRE(outcome.document);
    const auto* listed = outcome.document->find(wren.relay.identity);
    REQUIRE(listed != nullptr);
    CHECK(listed->operator_name.empty());
    CHECK(listed->capacity == 1);
    CHECK(listed->layer != 0);
    CHECK(outcome.document->relays.size() == 9);
}

TEST_CASE("open places: a value with more strangers than places is not valid") {
    Network network{4};
    network.terms.open = {1, 2};
    auto a = stranger(network, 7), b = stranger(network, 7), c = stranger(network, 8),
         d = stranger(network, 9);
    network.step();
    auto rules = rules_with(network, {&a, &b, &c, &d});
    auto value = *parse_epoch_value(rules.build());
    REQUIRE(fault(rules, value) == "");
    const auto outcome = rules.outcome(encode(value)).value();
    CHECK(outcome.open.size() == 2);
    CHECK_FALSE((describes(outcome, a) && describes(outcome, b)));
    for (const auto* each : {&a, &b, &c, &d})
        if (!describes(outcome, *each)) {
            auto more = value;
            more.descriptors.push_back(each->describe(network.epoch));
            CHECK(fault(rules, more) == "it has a descriptor of a relay that is not admitted");
            // Decided nevertheless, it does not list more of them.
            std::sort(more.descriptors.begin(), more.descriptors.end());
            CHECK(rules.outcome_of_decided(encode(more))->next.roster.size() <= 10);
        }
    const auto far = stranger(network, 10);
    auto two = far.relay;
    two.addresses = {{"192.0.10.1", 1}, {"192.0.11.1", 1}};
    auto apart = *parse_epoch_value(network.rules().build());
    apart.descriptors.push_back(far.keys.describe(two, network.epoch));
    CHECK(fault(rules, apart) == "it has a descriptor of a relay that is not admitted");
}

TEST_CASE("open places: a proposer chooses who gets a free place, and takes none away") {
    Network network{4};
    network.terms.open = {1, 1};
    auto old = stranger(network, 7), fresh = stranger(network, 8);
    network.step();
    REQUIRE(describes(step_with(network, {&old}), old));
    auto rules = rules_with(network, {&old, &fresh});
    auto proposer = rules_with(network, {&fresh});
    const auto unfair = proposer.build();
    REQUIRE(describes(proposer.outcome(unfair).value(), fresh));
    CHECK(rules.valid(unfair));
    rules.insist();
    CHECK_FALSE(rules.valid(unfair));
    CHECK(rules.valid(rules_with(network, {&old}).build()));
    CHECK(describes(rules.outcome(rules.build()).value(), old));
    rules.relent();
    CHECK(rules.valid(unfair));
    // New ones are not insisted on.
    auto eager = rules_with(network, {&old, &fresh});
    network.terms.open = {1, 9};
    eager.insist();
    CHECK(eager.valid(rules_with(network, {&old}).build()));
    // And no longer who is expelled, or has no place left by the rules.
    network.terms.open = {0, 0};
    CHECK(eager.valid(network.rules().build()));
}

TEST_CASE("open places: a relay that more than half of the lists expel stays out") {
    Network network{4};
    network.terms.open = {1, 5};
    auto wren = stranger(network, 7);
    network.step();
    REQUIRE(describes(step_with(network, {&wren}), wren));
    auto list = network.listed();
    list.push_back({wren.relay.identity, "", "", 1, false, Standing::expelled});
    std::sort(list.begin(), list.end(),
              [](const auto& x, const auto& y) { return x.identity < y.identity; });
    const auto with_lists = [&](std::size_t authorities) {
        auto rules = rules_with(network, {&wren});
        for (std::size_t i = 0; i < authorities; ++i)
            CHECK(rules.offer(network.listing(i, list, 2), list));
        rules.insist();
        return rules.outcome(rules.build()).value();
    };
    CHECK(describes(with_lists(2), wren));
    const auto without = with_lists(3);
    CHECK_FALSE(describes(without, wren));
    CHECK(find(without.next.roster, wren.relay.identity) == nullptr);
    for (auto& each : list)
        if (each.identity == wren.relay.identity)
            each = {wren.relay.identity, "", "", 1, true, Standing::unlisted};
    CHECK(describes(with_lists(2), wren));
    CHECK_FALSE(describes(with_lists(3), wren));
}

TEST_CASE("open places: strangers that crowd the layers do not keep a document from being signed") {
    Network network{4};
    network.terms.open = {1, 50};
    network.terms.parameters.relay_loops = {12'000};  // few, with so many mixes
    network.step();
    REQUIRE(network.step().document);
    std::deque<Member> crowd;
    for (int i = 0; i < 30; ++i)
        crowd.push_back(stranger(network, 50 + i));
    std::vector<Member*> all;
    for (auto& each : crowd)
        all.push_back(&each);
    const auto recorded = step_with(network, all);
    REQUIRE(recorded.document);
    CHECK(recorded.document->relays.size() == 8);
    const auto outcome = step_with(network, all);
    REQUIRE(outcome.document);
    CHECK(outcome.document->relays.size() == 8);
    CHECK(outcome.described.size() == 38);
}

TEST_CASE("open places: a stranger that is missing once begins anew, so the roster stays small") {
    Network network{4};
    network.terms.open = {1, 5};
    auto wren = stranger(network, 7);
    network.step();
    step_with(network, {&wren});
    REQUIRE(find(network.chain.roster, wren.relay.identity) != nullptr);
    step_with(network, {});
    CHECK(find(network.chain.roster, wren.relay.identity) == nullptr);
    CHECK(network.chain.roster.size() == 8);
}

TEST_CASE("open places: a stranger takes no key or address from an admitted relay") {
    Network network{4};
    network.terms.open = {9, 9};
    network.step();
    auto thief = stranger(network, 2);
    step_with(network, {&thief});
    // It is in the roster, and the new relay that the operators admit is not.
    const auto& victim = network.join(1);
    thief.relay.addresses = victim.relay.addresses;
    const auto outcome = step_with(network, {&thief});
    CHECK(find(outcome.next.roster, victim.relay.identity) != nullptr);
    CHECK(std::any_of(outcome.left_out.begin(), outcome.left_out.end(), [](const auto& sentence) {
        return sentence.find("has its address 192.0.2.1:1008") != std::string::npos;
    }));
}

TEST_CASE("offers: strangers fill no more than the places of new ones, and once for each epoch") {
    const auto made = test::make_council(4, 5);
    Network network{4};
    Offers offers{made.council, network.epoch, {1, 2}};
    const auto reason = [&](const Member& member, const Roster& roster = {}) {
        const auto taken = offers.add_descriptor(member.describe(network.epoch), roster);
        return taken.fresh ? std::string{"taken"} : taken.reason;
    };
    const auto a = stranger(network, 7), b = stranger(network, 7), c = stranger(network, 8),
               d = stranger(network, 9), e = stranger(network, 10);
    const auto none = "there is no open place for another relay of its network";
    CHECK(reason(a) == "taken");
    CHECK(reason(a).empty());
    CHECK(
        offers.add_descriptor(a.keys.describe(a.relay, network.epoch, base::Wall{base::Seconds{9}}))
            .fresh == false);
    CHECK(reason(b) == none);
    CHECK(reason(c) == "taken");
    CHECK(reason(d) == none);
    // Relays of the roster have a place here, in whatever order they come. The value chooses.
    Roster roster{{b.relay.identity, network.epoch, network.epoch, 1},
                  {d.relay.identity, network.epoch, network.epoch, 1},
                  {e.relay.identity, network.epoch, network.epoch, 1}};
    std::sort(roster.begin(), roster.end(),
              [](const auto& x, const auto& y) { return x.identity < y.identity; });
    CHECK(reason(b, roster) == "taken");
    CHECK(reason(d, roster) == "taken");
    CHECK(reason(e, roster) == "taken");
    CHECK(offers.described().size() == 5);
    CHECK(offers.descriptors().size() == 5);
    CHECK(offers.complete());  // strangers are not waited for
    // They take no newcomer's place here.
    Offers beside{made.council, network.epoch, {1, 2}};
    CHECK(beside.add_descriptor(b.describe(network.epoch), roster).fresh);
    CHECK(beside.add_descriptor(a.describe(network.epoch), roster).fresh);
    // Who is expelled is neither waited for nor taken.
    const Admissions list{{a.relay.identity, "", "", 1, false, Standing::expelled}};
    for (const auto& seed : made.seeds)
        CHECK(
            offers.add(make_listing(made.council, network.epoch, 1, value_id(encode(list)), seed)));
    CHECK(offers.add_list(encode(list)));
    CHECK(offers.described().size() == 4);
    Offers without{made.council, network.epoch, {1, 2}};
    CHECK(without.add(
        make_listing(made.council, network.epoch, 1, value_id(encode(list)), made.seeds[0])));
    CHECK(without.add_list(encode(list)));
    CHECK(without.complete());
    CHECK(without.add_descriptor(a.describe(network.epoch)).reason == "the relay is expelled");
    auto wide = stranger(network, 11);
    wide.relay.addresses = {{"192.0.11.1", 1}, {"192.0.12.1", 1}};
    CHECK(reason(wide) == "all addresses of an open relay must be in one IPv4 /24 or IPv6 /48");
    Offers closed{made.council, network.epoch};
    CHECK(closed.add_descriptor(a.describe(network.epoch)).reason == "the relay is not admitted");
}

TEST_CASE("driver: a relay that no operator admitted joins by itself, and more of it do not") {
    test::Authorities network{4, 6, 2, {1, 3}};
    for (int i = 0; i < 3; ++i)
        network.join(1).relay.addresses = {{"198.51.100.1", static_cast<std::uint16_t>(100 + i)}};
    network.run_epochs(4);
    const auto epoch = network.epoch();
    std::set<std::string> texts;
    for (std::size_t i = 0; i < 4; ++i) {
        CAPTURE(i);
        REQUIRE(network.documents[i].contains(epoch));
        const auto& document = network.documents[i].at(epoch);
        CHECK(document.relays.size() == 9);
        texts.insert(directory::signed_text(document));
    }
    CHECK(texts.size() == 1);
    // All operators expel it, and it sends on.
    base::NodeId joined;
    for (const auto& relay : network.documents[0].at(epoch).relays)
        if (relay.operator_name.empty()) joined = relay.identity;
    for (std::size_t i = 0; i < 4; ++i) {
        network.lists[i].push_back({joined, "", "", 1, false, Standing::expelled});
        std::sort(network.lists[i].begin(), network.lists[i].end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
        network.drivers[i]->admit(network.lists[i], network.moment());
    }
    network.run_epochs(3);
    for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(network.documents[i].contains(network.epoch()));
        CHECK(network.documents[i].at(network.epoch()).find(joined) == nullptr);
    }
}
