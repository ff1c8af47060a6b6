#include <doctest/doctest.h>

#include "sphinx/packet/payload.hpp"
#include "tests/vectors/vectors.hpp"

using namespace nightjar;
using namespace nightjar::vectors;

TEST_CASE("LIONESS vectors, both directions") {
    crypto::StreamCiphers ciphers;
    for (const auto& vector : cases("lioness.json", "cases")) {
        CAPTURE(vector.at("length").get<std::size_t>());
        const auto key = secret<packet::PayloadKey>(vector, "key");
        const auto plain = hex(vector, "plaintext");
        const auto cipher = hex(vector, "ciphertext");
        REQUIRE(plain.size() == vector.at("length").get<std::size_t>());
        auto payload = plain;
        packet::lioness_encrypt(ciphers, key, payload);
        CHECK(payload == cipher);
        packet::lioness_decrypt(ciphers, key, payload);
        CHECK(payload == plain);
    }
}
