// Compares a million random inputs through every kernel, call size and lane with libsodium, whose
// results are computed once. The first input of each call is also multiplied by a table, if it is a
// point of the curve. It takes minutes, so it is a benchmark and not a test.
#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/crypto/scalar_chain.hpp"
#include "sphinx/packet/known_keys.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

/// True if a table of the point gives the expected product. `tables` counts the tables used.
bool table_agrees(const Multiplication& one, const std::uint8_t* expected, std::size_t& tables) {
    auto& known = KnownKeys::of_this_thread();
    known.begin_batch();
    const auto table = known.find(*PublicKey::from({one.point, 32}));
    if (!table) return true;
    const auto scalar =
        ScalarChain{SecretKey{std::span<const std::uint8_t, 32>{one.scalar, 32}}}.odd_eighth();
    base::ByteArray<32> product;
    product.fill(0xa5);
    const TableMultiplication again{scalar.data(), *table, product.data()};
    known.multiply(std::span{&again, 1});
    ++tables;
    return std::memcmp(product.data(), expected, 32) == 0;
}

}  // namespace

int main() {
    constexpr std::size_t total = 1'000'000;
    base::SeededRandom random{2026};
    std::size_t done = 0, different = 0, tables = 0, size = 1;
    std::vector<std::uint8_t> scalars(32 * x25519_call_max), points(scalars), products(scalars),
        expected(scalars);
    while (done < total) {
        random.fill(scalars);
        random.fill(points);
        std::vector<Multiplication> batch;
        for (std::size_t i = 0; i < size; ++i) {
            batch.push_back({&scalars[32 * i], &points[32 * i], &products[32 * i]});
            if (crypto_scalarmult(&expected[32 * i], batch[i].scalar, batch[i].point) != 0)
                std::memset(&expected[32 * i], 0, 32);
        }
        const auto check = [&](Kernel kernel, auto multiply) {
            if (!available(kernel)) return;
            // What the kernel before wrote is right: one that writes nothing must not pass by it.
            std::fill(products.begin(), products.end(), std::uint8_t{0xa5});
            multiply(batch.data(), batch.size());
            if (std::memcmp(products.data(), expected.data(), 32 * size) != 0) ++different;
        };
        check(Kernel::avx2, multiply_avx2_4);
        check(Kernel::ifma, multiply_ifma_4);
        check(Kernel::ifma, multiply_ifma_8);
        for (const auto kernel : {Kernel::avx2, Kernel::ifma}) {
            if (!available(kernel)) continue;
            force_kernel(kernel);
            if (!table_agrees(batch[0], expected.data(), tables)) ++different;
        }
        done += size;
        size = size % x25519_call_max + 1;
    }
    std::cout << done << " inputs, " << tables << " by tables, " << different
              << " calls with a difference\n";
    return different == 0 ? 0 : 1;
}
