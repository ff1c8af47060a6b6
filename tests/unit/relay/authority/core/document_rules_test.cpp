// Values that follow each other, and the documents that follow from them: the product's agreement
// with the product's rules, over a network that delivers at once.
#include "relay/authority/core/document_rules.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "relay/authority/core/document_signatures.hpp"
#include "sphinx/directory/lint.hpp"
#include "sphinx/directory/quorum.hpp"
#include "tests/support/council.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"
#include "tests/unit/relay/authority/core/network_of_values.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;
using test::values::Member;
using test::values::Network;

namespace {

std::string fault(const DocumentRules& rules, const EpochValue& value) {
    const auto outcome = rules.outcome(encode(value));
    return outcome ? "" : outcome.error();
}

/// All honest, all up, all at once.
struct Round {
    explicit Round(Network& network) : council{network.made.council} {
        for (std::size_t i = 0; i < council.size(); ++i) {
            rules.push_back(std::make_unique<DocumentRules>(network.rules()));
            const AgreementSetup setup{&council, network.made.signers[i].get(), rules[i].get(), {}};
            agreements.push_back(std::make_unique<Agreement>(setup, network.epoch, base::Mono{}));
        }
    }
    void run() {
        for (bool more = true; more;) {
            more = false;
            for (std::size_t i = 0; i < agreements.size(); ++i) {
                if (const auto write = agreements[i]->take_write()) {
                    agreements[i]->written(write->number, base::Mono{});
                    more = true;
                }
                for (const auto& outgoing : agreements[i]->take_messages()) {
                    const auto checked =
                        CheckedMessage::check(std::get<Message>(outgoing), council);
                    for (const auto& other : agreements)
                        other->receive(*checked, base::Mono{});
                }
                for (const auto& id : agreements[i]->missing())
                    for (const auto& other : agreements)
                        if (const auto value = other->value(id))
                            agreements[i]->receive_value(*value, base::Mono{});
            }
        }
    }
    const Council& council;
    std::vector<std::unique_ptr<DocumentRules>> rules;
    std::vector<std::unique_ptr<Agreement>> agreements;
};

}  // namespace

TEST_CASE("document rules: authorities agree, build the same document, and their signatures pass") {
    for (const std::size_t authorities : {1, 4}) {
        CAPTURE(authorities);
        Network network{authorities};
        const auto first = network.step();
        CHECK_FALSE(first.document);
        Round round{network};
        round.run();
        std::optional<DocumentSignatures> signatures;
        for (std::size_t i = 0; i < authorities; ++i) {
            const auto id = round.agreements[i]->decision();
            REQUIRE(id);
            const auto outcome = round.rules[i]->outcome(*round.agreements[i]->value(*id)).value();
            REQUIRE(outcome.document);
            CHECK(outcome.next.last == *id);
            if (!signatures) signatures.emplace(network.made.council, *outcome.document);
            CHECK(signatures->complete() == (i >= network.made.council.quorum));
            const auto own = directory::sign_text(directory::signed_text(*outcome.document),
                                                  network.made.seeds[i]);
            CHECK(signatures->add(own));
            CHECK_FALSE(signatures->add(own));
        }
        auto other = signatures->document().signatures[0];
        other.signature[0] ^= 1;
        CHECK_FALSE(DocumentSignatures(network.made.council, signatures->document()).add(other));
        const auto& document = signatures->document();
        directory::Anchors anchors{"test", network.made.council.authorities, {}};
        CHECK(directory::check(document, anchors, document.valid_from, document.epoch));
        CHECK(document.relays.size() == 8);
    }
}

TEST_CASE(
    "document rules: documents follow each other as relays come and go, and keep their layers") {
    Network network{4};
    network.step();
    auto before = network.step();
    for (int epoch = 0; epoch < 10; ++epoch) {
        if (epoch == 3) network.join(1);
        if (epoch == 6) network.members.pop_front();
        const auto after = network.step({static_cast<std::size_t>(epoch) % 4});
        CHECK(after.left_out.size() == (epoch == 3 ? 1 : 0));
        CHECK(after.missing_reveals.size() == 1);
        CHECK(after.document->epoch == before.document->epoch.next());
        std::size_t moved = 0;
        for (const auto& relay : after.document->relays) {
            const auto* then = before.document->find(relay.identity);
            if (then != nullptr && then->layer != relay.layer) ++moved;
        }
        CHECK(moved <= (epoch == 4 || epoch == 6 ? 2 : 0));
        before = after;
    }
}

TEST_CASE("document rules: a proposer can invent nothing") {
    Network network{4};
    network.step();
    auto rules = network.rules();
    const auto sound = *parse_epoch_value(rules.build());
    REQUIRE(fault(rules, sound) == "");
    auto value = sound;
    value.epoch = value.epoch.next();
    CHECK(fault(rules, value) == "it is of another epoch");
    value = sound;
    value.previous.bytes[4] ^= 1;
    CHECK(fault(rules, value) == "it follows another value than the last one decided");
    value = sound;
    value.reveals.erase(value.reveals.begin(), value.reveals.begin() + 2);
    CHECK(fault(rules, value) == "it leaves out more reveals than there may be faulty authorities");
    value = sound;
    value.reveals[1].secret[0] ^= 1;
    CHECK(fault(rules, value) == "a reveal opens no commitment");
    value = sound;
    value.commitments.resize(2);
    CHECK(fault(rules, value) == "it has too few commitments");
    value = sound;
    value.commitments[2].hash[0] ^= 1;
    CHECK(fault(rules, value) == "a commitment is not its authority's");
    value = sound;
    value.listings.resize(2);
    CHECK(fault(rules, value) == "it has lists of too few authorities");
    value = sound;
    value.listings[2].made ^= 1;
    CHECK(fault(rules, value) == "a list is not its authority's");
    value = sound;
    value.descriptors[0][value.descriptors[0].size() - 2] ^= 1;
    CHECK(fault(rules, value) == "a descriptor is not valid: the signature is not the relay's");
    value = sound;
    const auto& member = network.members[0];
    value.descriptors[0] = member.describe(network.epoch.next());
    std::sort(value.descriptors.begin(), value.descriptors.end());
    CHECK(fault(rules, value) == "a descriptor is of another epoch");
    value = sound;
    value.descriptors.clear();
    CHECK(fault(rules, value) == "a layer has no mix");
    CHECK_FALSE(rules.outcome(base::as_bytes("nothing")));
}

TEST_CASE("document rules: a proposer cannot fill a value with descriptors that do not count") {
    Network network{4};
    network.step();
    auto rules = network.rules();
    const auto sound = *parse_epoch_value(rules.build());
    const auto with = [&](const std::string& descriptor) {
        auto value = sound;
        value.descriptors.push_back(descriptor);
        std::sort(value.descriptors.begin(), value.descriptors.end());
        return value;
    };
    const auto& member = network.members[0];
    const test::RelayKeys stranger{network.random};
    const auto of_a_stranger = with(stranger.describe(member.relay, network.epoch));
    CHECK(fault(rules, of_a_stranger) == "it has a descriptor of a relay that is not admitted");
    const auto second =
        with(member.keys.describe(member.relay, network.epoch, base::Wall{base::Seconds{1}}));
    CHECK(fault(rules, second) == "it has two descriptors of one relay");
    // What a quorum has decided is followed all the same.
    CHECK(rules.outcome_of_decided(encode(of_a_stranger)));
    CHECK(rules.outcome_of_decided(encode(second)));
}

TEST_CASE("document rules: a network without two gateways gets no document") {
    Network network{4, 6, 1};
    auto rules = network.rules();
    CHECK(rules.build().empty());
    EpochValue value{network.epoch, {}, {}, {}, {}, {network.listed()}, {}};
    for (const auto& seed : network.made.seeds)
        value.commitments.push_back(own_commitment(network.made.council, network.epoch, seed));
    for (std::size_t i = 0; i < network.made.seeds.size(); ++i)
        value.listings.push_back(network.listing(i, network.listed()));
    for (const auto& member : network.members)
        value.descriptors.push_back(member.describe(network.epoch));
    std::sort(value.descriptors.begin(), value.descriptors.end());
    CHECK(fault(rules, value) ==
          "fewer than two gateways: an exit is never a client's own gateway");
    network.join(0);
    CHECK_FALSE(network.rules().build().empty());
}

TEST_CASE(
    "document rules: what all have had for long enough cannot be left out, while there is time") {
    Network network{4};
    network.step();
    auto proposer = network.rules();
    const auto whole = *parse_epoch_value(proposer.build());
    auto without_relay = whole;
    without_relay.descriptors.erase(std::find_if(
        without_relay.descriptors.begin(), without_relay.descriptors.end(),
        [](const std::string& text) {
            return directory::parse_descriptor(text)->relay.role == directory::Role::mix;
        }));
    auto without_reveal = whole;
    without_reveal.reveals.pop_back();
    auto rules = network.rules();
    CHECK(rules.valid(encode(without_relay)));
    CHECK(rules.valid(encode(without_reveal)));
    rules.insist();
    CHECK_FALSE(rules.valid(encode(without_relay)));
    CHECK_FALSE(rules.valid(encode(without_reveal)));
    CHECK(rules.valid(encode(whole)));
    // What came after that is not insisted on.
    auto& late = network.join(1);
    CHECK(rules.offer_descriptor(late.describe(network.epoch)) == "");
    CHECK(rules.valid(encode(whole)));
    rules.relent();
    CHECK(rules.valid(encode(without_relay)));
    CHECK(rules.valid(encode(without_reveal)));
}

TEST_CASE("document rules: a network's first value has no document: its mixes have no layers yet") {
    Network network{4};
    const auto first = network.step();
    CHECK_FALSE(first.document);
    CHECK(first.left_out.size() == 6);
    const auto second = network.step();
    REQUIRE(second.document);
    CHECK(second.left_out.empty());
    CHECK(directory::lint(*second.document).empty());
}

TEST_CASE("document rules: when a new mix must fill a layer, one epoch has no document") {
    Network network{4, 3};
    network.step();
    CHECK(network.step().document);
    network.members.pop_front();
    network.join(1);
    CHECK_FALSE(network.step().document);
    CHECK(network.step().document);
    // Without it no value is valid.
    network.members.pop_front();
    CHECK(network.rules().build().empty());
}

TEST_CASE("document rules: what is not sound is not kept to propose from") {
    Network network{4};
    network.step();
    DocumentRules rules{network.made.council, network.terms, network.epoch, network.chain};
    CHECK(rules.build().empty());
    auto reveal = own_reveal(network.made.council, network.chain.epoch, network.made.seeds[1]);
    CHECK(rules.offer(reveal));
    reveal.secret[1] ^= 1;
    CHECK_FALSE(rules.offer(reveal));
    auto commitment = own_commitment(network.made.council, network.epoch, network.made.seeds[1]);
    CHECK(rules.offer(commitment));
    commitment.hash[1] ^= 1;
    CHECK_FALSE(rules.offer(commitment));
    const auto& member = network.members[0];
    CHECK(rules.offer_descriptor("nonsense") ==
          "the descriptor is not valid: the last line has no line feed");
    CHECK(rules.offer_descriptor(member.describe(network.epoch.next())) ==
          "the descriptor is of another epoch");
    const test::RelayKeys stranger{network.random};
    for (const auto& each : network.members)
        CHECK(rules.offer_descriptor(each.describe(network.epoch)) == "");
    CHECK(rules.offer_descriptor(stranger.describe(member.relay, network.epoch)) == "");
    const auto list = network.listed();
    CHECK_FALSE(rules.offer(network.listing(0, {}), list));
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(rules.offer(
            own_commitment(network.made.council, network.epoch, network.made.seeds[i])));
        CHECK(rules.offer(
            own_reveal(network.made.council, network.chain.epoch, network.made.seeds[i])));
        CHECK(rules.offer(network.listing(i, list), list));
    }
    const auto value = parse_epoch_value(rules.build());
    REQUIRE(value);
    CHECK(value->descriptors.size() == network.members.size());
}

TEST_CASE("document rules: a relay that a quorum cannot reach is left out, and keeps its record") {
    Network network{4};
    network.step();
    const auto before = network.step();
    const auto lost = network.members.front().relay.identity;
    const auto layer = before.document->find(lost)->layer;
    auto flagged = network.listed();
    for (auto& each : flagged)
        each.unreachable = each.identity == lost;
    // Two authorities of four are too few.
    const auto outcome = [&](std::size_t authorities) {
        auto rules = network.rules();
        for (std::size_t i = 0; i < authorities; ++i)
            CHECK(rules.offer(network.listing(i, flagged, 2), flagged));
        rules.insist();
        return rules.outcome(rules.build()).value();
    };
    CHECK(outcome(2).document->relays.size() == 8);
    const auto without = outcome(3);
    REQUIRE(without.document);
    CHECK(without.document->relays.size() == 7);
    CHECK(without.document->find(lost) == nullptr);
    REQUIRE(without.left_out.size() == 1);
    CHECK(without.left_out[0].ends_with(
        "is left out: the authorities cannot reach it at its addresses, or it loses packets"));
    const auto record = std::find_if(without.next.roster.begin(), without.next.roster.end(),
                                     [&](const auto& each) { return each.identity == lost; });
    REQUIRE(record != without.next.roster.end());
    CHECK(record->layer == layer);
    CHECK(record->last == before.document->epoch);
}

TEST_CASE("document rules: relays that cannot be reached are listed if no document could be else") {
    Network network{4};
    network.step();
    network.step();
    auto flagged = network.listed();
    for (auto& each : flagged)
        each.unreachable = true;
    auto rules = network.rules();
    for (std::size_t i = 0; i < 4; ++i)
        CHECK(rules.offer(network.listing(i, flagged, 2), flagged));
    const auto outcome = rules.outcome(rules.build());
    REQUIRE(outcome);
    REQUIRE(outcome->document);
    CHECK(outcome->document->relays.size() == 8);
    CHECK(outcome->left_out.empty());
}
