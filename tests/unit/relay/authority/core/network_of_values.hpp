// A council, its relays, and the values on which it agrees, one epoch after the other.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>

#include "relay/authority/core/document_rules.hpp"
#include "tests/support/council.hpp"
#include "tests/support/descriptors.hpp"
#include "tests/support/networks.hpp"

namespace nightjar::test::values {

using namespace nightjar::relay::authority::core;

struct Member {
    test::RelayKeys keys;
    directory::Relay relay;
    std::string describe(base::Epoch epoch) const { return keys.describe(relay, epoch); }
};

/// A council, its relays, and the chain of what was decided.
struct Network {
    explicit Network(std::size_t authorities, std::size_t mixes = 6, std::size_t gateways = 2)
        : made{test::make_council(authorities, 5)} {
        terms.network = "test";
        for (std::size_t i = 0; i < mixes + gateways; ++i)
            join(i < mixes ? 1 : 0);
    }
    Member& join(std::uint8_t layer) {
        Member member{test::RelayKeys{random}, test::random_relay(random, layer)};
        member.keys.name_in(member.relay);
        member.relay.addresses = {
            {"192.0.2.1", static_cast<std::uint16_t>(1000 + terms.admitted.size())}};
        if (layer == 0) member.relay.exit_policy = "accept *:80,443";
        terms.admitted.push_back(
            {member.relay.identity, "operator-" + std::to_string(terms.admitted.size()), "", 1});
        members.push_back(std::move(member));
        return members.back();
    }
    /// Every authority's list.
    Admissions listed() const {
        auto list = terms.admitted;
        std::sort(list.begin(), list.end(),
                  [](const auto& a, const auto& b) { return a.identity < b.identity; });
        return list;
    }
    Listing listing(std::size_t authority, const Admissions& list, std::uint64_t when = 1) const {
        return make_listing(made.council, epoch, when, value_id(encode(list)),
                            made.seeds[authority]);
    }
    /// An authority's rules, with all that honest authorities and relays have sent it.
    DocumentRules rules(const std::set<std::size_t>& silent = {}) const {
        DocumentRules made_rules{made.council, terms, epoch, chain};
        for (std::size_t i = 0; i < made.seeds.size(); ++i) {
            if (!silent.contains(i))
                made_rules.offer(own_reveal(made.council, chain.epoch, made.seeds[i]));
            CHECK(made_rules.offer(own_commitment(made.council, epoch, made.seeds[i])));
            CHECK(made_rules.offer(listing(i, listed()), listed()));
        }
        for (const auto& member : members)
            CHECK(made_rules.offer_descriptor(member.describe(epoch)) == "");
        return made_rules;
    }
    /// What follows from the value that an honest proposer builds.
    EpochOutcome step(const std::set<std::size_t>& silent = {}) {
        auto own = rules(silent);
        const auto follows = own.outcome(own.build());
        REQUIRE(follows);
        const auto outcome = *follows;
        chain = outcome.next;
        epoch = epoch.next();
        for (auto& member : members) {
            member.relay.mix_key = member.relay.next_mix_key;
            member.relay.next_mix_key = random.id<base::MixKey>();
        }
        return outcome;
    }

    base::SeededRandom random{11};
    test::TestCouncil made;
    Terms terms;
    std::deque<Member> members;
    base::Epoch epoch{500'000};
    Chain chain;
};

}  // namespace nightjar::test::values
