// Compares the format's hashes with libsodium's, in every lane and at every length around a block.
#include <doctest/doctest.h>
#include <sodium.h>

#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/crypto/blake2b_batch.hpp"
#include "sphinx/crypto/hmac.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using namespace nightjar::crypto;

TEST_CASE("keyed BLAKE2b: every batch size and length") {
    base::SeededRandom random{1};
    std::vector<std::size_t> lengths;
    for (std::size_t length = 1; length <= 300; ++length)
        lengths.push_back(length);
    lengths.push_back(2033);
    testing::with_every_kernel([&](Kernel) {
        std::size_t count = 1;
        for (const auto length : lengths) {
            CAPTURE(length);
            CAPTURE(count);
            std::vector<base::Bytes> keys(count, base::Bytes(64)),
                messages(count, base::Bytes(length)), digests(count, base::Bytes(32));
            std::vector<KeyedHash> batch;
            for (std::size_t i = 0; i < count; ++i) {
                random.fill(keys[i]);
                random.fill(messages[i]);
                batch.push_back({keys[i].data(), messages[i].data(), digests[i].data()});
            }
            blake2b_keyed(batch, length);
            for (std::size_t i = 0; i < count; ++i) {
                base::Bytes expected(32);
                crypto_generichash_blake2b(expected.data(), 32, messages[i].data(), length,
                                           keys[i].data(), 64);
                CHECK(digests[i] == expected);
            }
            count = count % 19 + 1;
        }
    });
}

TEST_CASE("HMAC-SHA256: every length up to three blocks, in one lane and in two") {
    base::SeededRandom random{2};
    testing::with_every_kernel([&](Kernel) {
        for (std::size_t length = 0; length <= 200; ++length) {
            std::array<base::Bytes, 2> keys, messages, macs, expected;
            for (std::size_t lane = 0; lane < 2; ++lane) {
                keys[lane].resize(32);
                messages[lane].resize(length);
                macs[lane].resize(32);
                expected[lane].resize(32);
                random.fill(keys[lane]);
                random.fill(messages[lane]);
                crypto_auth_hmacsha256(expected[lane].data(), messages[lane].data(), length,
                                       keys[lane].data());
            }
            Hmac<2>{{keys[0], keys[1]}}.mac({messages[0], messages[1]}, {macs[0], macs[1]});
            CHECK(macs == expected);
            base::Bytes alone(32);
            Hmac<1>{{keys[1]}}.mac({messages[1]}, {alone});
            CHECK(alone == expected[1]);
        }
    });
}
