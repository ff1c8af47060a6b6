#include "relay/authority/core/randomness.hpp"

#include <doctest/doctest.h>

#include "sphinx/base/random.hpp"
#include "tests/support/council.hpp"

using namespace nightjar;
using namespace nightjar::relay::authority::core;

namespace {

constexpr base::Epoch epoch{9};

struct Committee {
    explicit Committee(std::size_t size) {
        base::SeededRandom random{4};
        directory::Anchors anchors;
        anchors.network = "test";
        for (std::size_t i = 0; i < size; ++i) {
            random.fill(seeds.emplace_back().span());
            anchors.authorities.push_back(directory::sign_text({}, seeds[i]).authority);
        }
        std::sort(anchors.authorities.begin(), anchors.authorities.end());
        council = Council::of(anchors);
        for (const auto& seed : seeds) {
            base::ByteArray<32> secret{};
            random.fill(secret);
            commitments.push_back(commit(council, epoch, secret, seed));
            reveals.push_back({commitments.back().authority, secret});
        }
    }
    std::vector<base::Secret<32>> seeds;
    Council council;
    std::vector<Commitment> commitments;
    std::vector<Reveal> reveals;
};

}  // namespace

TEST_CASE("randomness: a commitment is its authority's, for one network and one epoch") {
    const Committee made{4};
    const auto& commitment = made.commitments[1];
    CHECK(verifies(commitment, made.council, epoch));
    CHECK_FALSE(verifies(commitment, made.council, epoch.next()));
    auto other = commitment;
    other.hash[0] ^= 1;
    CHECK_FALSE(verifies(other, made.council, epoch));
    other = commitment;
    other.authority = made.commitments[2].authority;
    CHECK_FALSE(verifies(other, made.council, epoch));
    auto council = made.council;
    council.network.bytes[3] ^= 1;
    CHECK_FALSE(verifies(commitment, council, epoch));
    council = made.council;
    std::erase(council.authorities, commitment.authority);
    CHECK_FALSE(verifies(commitment, council, epoch));
}

TEST_CASE("randomness: it follows from all reveals, whatever their order, and from each of them") {
    const Committee made{4};
    const auto all = combine(made.council, epoch, made.commitments, made.reveals);
    REQUIRE(all.value);
    CHECK(all.missing.empty());
    auto commitments = made.commitments;
    auto reveals = made.reveals;
    std::reverse(commitments.begin(), commitments.end());
    std::swap(reveals[0], reveals[2]);
    CHECK(combine(made.council, epoch, commitments, reveals).value == all.value);
    for (std::size_t without = 0; without < 4; ++without) {
        auto fewer = made.reveals;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(without));
        const auto shared = combine(made.council, epoch, made.commitments, fewer);
        REQUIRE(shared.value);
        CHECK(shared.value != all.value);
        CHECK(shared.missing == std::vector{made.reveals[without].authority});
    }
}

TEST_CASE("randomness: a reveal that opens no commitment counts as missing, and is named") {
    const Committee made{4};
    auto reveals = made.reveals;
    reveals[2].secret[7] ^= 1;
    const auto shared = combine(made.council, epoch, made.commitments, reveals);
    CHECK(shared.missing == std::vector{made.reveals[2].authority});
    reveals = made.reveals;
    reveals[2].authority = reveals[1].authority;
    CHECK(combine(made.council, epoch, made.commitments, reveals).missing.size() == 1);
}

TEST_CASE("randomness: there is none unless one of those that revealed is honest") {
    const Committee made{4};
    for (std::size_t count = 0; count <= 4; ++count) {
        const std::vector<Reveal> some{made.reveals.begin(),
                                       made.reveals.begin() + static_cast<std::ptrdiff_t>(count)};
        const auto shared = combine(made.council, epoch, made.commitments, some);
        CHECK(shared.value.has_value() == (count >= 2));
        CHECK(shared.missing.size() == 4 - count);
    }
}
