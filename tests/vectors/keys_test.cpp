#include "sphinx/packet/keys.hpp"

#include <doctest/doctest.h>

#include "sphinx/crypto/stream_ciphers.hpp"
#include "sphinx/packet/key_schedule.hpp"
#include "tests/vectors/vectors.hpp"

using namespace nightjar;
using namespace nightjar::vectors;

namespace {

template <std::size_t N>
std::string text(const base::Secret<N>& secret) {
    return base::to_hex(secret.view());
}

void check_expansion(const Json& vector, const packet::HopKeys& keys) {
    CHECK(text(keys.cipher_key) == vector.at("cipher_key").get<std::string>());
    CHECK(text(keys.mac_key) == vector.at("mac_key").get<std::string>());
    CHECK(text(keys.payload_seed) == vector.at("payload_seed").get<std::string>());
    CHECK(text(keys.blinding) == vector.at("blinding_factor").get<std::string>());
    CHECK(keys.replay_tag() == id<packet::ReplayTag>(vector, "replay_tag"));
    CHECK(text(packet::payload_key(keys.payload_seed)) ==
          vector.at("payload_key").get<std::string>());
}

}  // namespace

TEST_CASE("key vectors: agreement, expansion and the next alpha") {
    for (const auto& vector : cases("keys.json", "expansions")) {
        const auto alpha = id<packet::PublicKey>(vector, "alpha");
        const auto shared = packet::agree(secret<packet::SecretKey>(vector, "secret"), alpha);
        REQUIRE(shared);
        CHECK(text(*shared) == vector.at("shared_secret").get<std::string>());
        const auto keys = packet::expand(*shared);
        check_expansion(vector, keys);
        const auto next = packet::agree(keys.blinding, alpha);
        REQUIRE(next);
        CHECK(text(*next) == vector.at("next_alpha").get<std::string>());
    }
    for (const auto& vector : cases("keys.json", "expansions_without_point"))
        check_expansion(vector,
                        packet::expand(secret<packet::SharedSecret>(vector, "shared_secret")));
}

TEST_CASE("key vectors: payload keys from seeds") {
    for (const auto& vector : cases("keys.json", "payload_keys"))
        CHECK(text(packet::payload_key(secret<packet::PayloadSeed>(vector, "seed"))) ==
              vector.at("key").get<std::string>());
}

TEST_CASE("key vectors: the sender's chain is the nodes' chain") {
    for (const auto& vector : cases("keys.json", "chains")) {
        const auto& nodes = vector.at("nodes");
        const auto& alphas = vector.at("alphas");
        const auto first =
            packet::public_key_of(secret<packet::SecretKey>(vector, "initial_secret"));
        CHECK(base::to_hex(first.bytes) == alphas.at(0).get<std::string>());
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            const auto shared = packet::agree(secret<packet::SecretKey>(nodes[i], "secret"),
                                              *packet::PublicKey::from(hex(alphas.at(i))));
            REQUIRE(shared);
            CHECK(text(*shared) == vector.at("shared_secrets").at(i).get<std::string>());
            CHECK(text(packet::expand(*shared).blinding) ==
                  vector.at("blinding_factors").at(i).get<std::string>());
        }
    }
}

TEST_CASE("key vectors: X25519, with all-zero results refused") {
    for (const auto& vector : cases("keys.json", "x25519")) {
        CAPTURE(vector.at("name").get<std::string>());
        const auto product = packet::agree(secret<packet::SecretKey>(vector, "scalar"),
                                           id<packet::PublicKey>(vector, "point"));
        if (vector.at("result").is_null()) {
            REQUIRE_FALSE(product);
            CHECK(product.error() == packet::Error::low_order);
        } else {
            REQUIRE(product);
            CHECK(text(*product) == vector.at("result").get<std::string>());
        }
    }
}

TEST_CASE("key vectors: header keystreams and MACs, in one lane and in two") {
    for (const auto& vector : cases("keys.json", "streams")) {
        base::ByteArray<packet::keystream_size> stream{};
        crypto::StreamCiphers{}.aes_ctr(secret<base::Secret<16>>(vector, "cipher_key"), stream);
        CHECK(base::to_hex(stream) == vector.at("stream").get<std::string>());
    }
    for (const auto& vector : cases("keys.json", "macs")) {
        packet::HopKeys keys;
        keys.mac_key = secret<base::Secret<16>>(vector, "mac_key");
        const packet::HopKeys other;
        const auto beta = hex(vector, "beta");
        const auto mac = vector.at("mac").get<std::string>();
        CHECK(base::to_hex(packet::header_mac_each<1>({&keys}, {beta})[0]) == mac);
        CHECK(base::to_hex(packet::header_mac_each<2>({&keys, &other}, {beta, beta})[0]) == mac);
        CHECK(base::to_hex(packet::header_mac_each<2>({&other, &keys}, {beta, beta})[1]) == mac);
    }
}
