#include "sphinx/directory/possession.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::directory;

namespace {

struct MixKeys {
    base::Secret<32> secret;
    base::MixKey key;
    explicit MixKeys(base::Random& random) {
        random.fill(secret.span());
        crypto_scalarmult_base(key.bytes.data(), secret.data());
    }
};

}  // namespace

TEST_CASE("the holder of an X25519 key can prove that it is, for one text") {
    base::SeededRandom random{1};
    for (int i = 0; i < 50; ++i) {
        const MixKeys mine{random}, other{random};
        const auto proof = prove_mix_key("text", mine.secret);
        CHECK(proves_mix_key("text", mine.key, proof));
        CHECK(prove_mix_key("text", mine.secret) == proof);
        CHECK_FALSE(proves_mix_key("another", mine.key, proof));
        CHECK_FALSE(proves_mix_key("text", other.key, proof));
        for (std::size_t at = 0; at < proof.size(); ++at) {
            auto changed = proof;
            changed[at] ^= static_cast<std::uint8_t>(1u << random.below(8));
            REQUIRE_FALSE(proves_mix_key("text", mine.key, changed));
        }
    }
}

TEST_CASE("a signature by the point itself is no proof of another mix key") {
    // A thief signs with its own Ed25519 key and presents its own point beside the victim's key.
    base::SeededRandom random{2};
    const MixKeys victim{random}, thief{random};
    const auto proof = prove_mix_key("text", thief.secret);
    CHECK(proves_mix_key("text", thief.key, proof));
    CHECK_FALSE(proves_mix_key("text", victim.key, proof));
}

TEST_CASE("points of small order have no proof") {
    MixProof proof{};
    proof[0] = 1;   // the neutral point as A
    proof[32] = 1;  // and as R, with s = 0: R = s B - h A holds for every h
    for (const std::uint8_t u : {0, 1}) {
        base::MixKey key;
        key.bytes[0] = u;
        CHECK_FALSE(proves_mix_key("text", key, proof));
    }
}

TEST_CASE("a proof of a link key is for that key and that text") {
    base::SeededRandom random{3};
    base::Secret<32> seed;
    random.fill(seed.span());
    base::LinkKey key, other;
    base::Secret<64> expanded;
    crypto_sign_seed_keypair(key.bytes.data(), expanded.data(), seed.data());
    random.fill(other.bytes);
    const auto proof = prove_link_key("text", seed);
    CHECK(proves_link_key("text", key, proof));
    CHECK_FALSE(proves_link_key("another", key, proof));
    CHECK_FALSE(proves_link_key("text", other, proof));
}
