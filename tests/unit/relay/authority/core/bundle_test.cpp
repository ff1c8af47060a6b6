// What authorities send each other, and what they keep of the chain.
#include "relay/authority/core/bundle.hpp"

#include <doctest/doctest.h>

#include "relay/authority/core/chain.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "tests/support/council.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

Bundle one_of_each() {
    base::SeededRandom random{2};
    const auto made = test::make_council(4, 5);
    Certificate certificate{Kind::precommit, {7}, 3, random.id<ValueId>(), {}};
    for (const auto& signer : made.signers)
        certificate.voters.push_back({signer->authority(), {}});
    return {
        made.signers[0]->sign({Kind::prevote, {7}, 3, no_round, random.id<ValueId>(), {}, {}}),
        certificate,
        SentCommitment{{8}, own_commitment(made.council, {8}, made.seeds[1])},
        SentReveal{{7}, own_reveal(made.council, {7}, made.seeds[1])},
        SentListing{{8}, make_listing(made.council, {8}, 9, random.id<ValueId>(), made.seeds[2])},
        SentSignature{{7}, {made.council.authorities[3], {}}},
        DescriptorsHash{{8}, random.id<ValueId>()},
        SentDescriptor{"a descriptor"}};
}

}  // namespace

TEST_CASE("bundle: the form has one encoding, and each rule of it refuses") {
    const auto sound = one_of_each();
    const auto bytes = encode(sound);
    const auto parsed = parse_bundle(bytes);
    REQUIRE(parsed);
    CHECK(*parsed == sound);
    CHECK(encode(*parsed) == bytes);
    CHECK(parse_bundle(encode(Bundle{}))->empty());
    // Cut between two items it is a shorter bundle.
    std::set<std::size_t> ends{1};
    for (std::size_t count = 1; count <= sound.size(); ++count)
        ends.insert(
            encode(Bundle(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(count)))
                .size());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        CHECK(parse_bundle(base::ByteView{bytes}.first(size)).has_value() == ends.contains(size));
    }
    auto changed = bytes;
    changed[0] ^= 3;
    CHECK_FALSE(parse_bundle(changed));
    changed = bytes;
    changed[1] = 8;  // no such kind
    CHECK_FALSE(parse_bundle(changed));
    changed = bytes;
    changed[3] += 1;  // longer than a message
    CHECK_FALSE(parse_bundle(changed));
}

TEST_CASE("bundle: what is too long is left out, and refused") {
    const Bundle many(40, SentDescriptor{std::string(directory::descriptor_size_max, 'a')});
    const auto bytes = encode(many, 100'000);
    CHECK(bytes.size() <= 100'000);
    CHECK(parse_bundle(bytes, 100'000)->size() == 12);
    CHECK_FALSE(parse_bundle(bytes, bytes.size() - 1));
    CHECK(encode(Bundle{SentDescriptor{std::string(directory::descriptor_size_max + 1, 'a')}})
              .size() == 1);
    auto longer = encode(Bundle{SentDescriptor{std::string(directory::descriptor_size_max, 'a')}});
    longer[3] += 1;
    longer.push_back('a');
    CHECK_FALSE(parse_bundle(longer));
}

TEST_CASE("bundle: it has a bound of items, however short they are") {
    Bundle many(items_max, SentDescriptor{});
    auto bytes = encode(many, descriptors_size_max);
    CHECK(bytes.size() == 1 + 3 * items_max);
    REQUIRE(parse_bundle(bytes, descriptors_size_max));
    CHECK(parse_bundle(bytes, descriptors_size_max)->size() == items_max);
    bytes.insert(bytes.end(), {7, 0, 0});
    CHECK_FALSE(parse_bundle(bytes, descriptors_size_max));
}

TEST_CASE("chain: the form has one encoding, and each rule of it refuses") {
    base::SeededRandom random{2};
    const auto made = test::make_council(2, 5);
    Chain sound{random.id<ValueId>(), {7}, {}, {{{}, {5}, {7}, 2}, {{}, {6}, {6}, 0}}};
    sound.roster[1].identity.bytes[0] = 1;
    for (const auto& seed : made.seeds)
        sound.commitments.push_back(own_commitment(made.council, {7}, seed));
    const auto parses = [](const Chain& chain) {
        const auto parsed = parse_chain(encode(chain));
        if (parsed) CHECK(*parsed == chain);
        return parsed.has_value();
    };
    CHECK(parses(sound));
    CHECK(parses({}));
    auto chain = sound;
    std::swap(chain.commitments[0], chain.commitments[1]);
    CHECK_FALSE(parses(chain));
    chain = sound;
    std::swap(chain.roster[0], chain.roster[1]);
    CHECK_FALSE(parses(chain));
    chain = sound;
    chain.roster[0].layer = 4;
    CHECK_FALSE(parses(chain));
    chain = sound;
    chain.roster[0].last = {4};
    CHECK_FALSE(parses(chain));
    const auto bytes = encode(sound);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(parse_chain(base::ByteView{bytes}.first(size)));
}
