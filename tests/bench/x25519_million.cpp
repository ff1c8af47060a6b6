// A million random inputs through every kernel, call size and lane against libsodium, whose answers
// are computed once. Minutes, so it is a bench and not a test.
#include <sodium.h>

#include <cstring>
#include <iostream>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/packet/kernel.hpp"
#include "sphinx/packet/x25519_kernels.hpp"

using namespace nightjar;
using namespace nightjar::packet;

int main() {
    constexpr std::size_t total = 1'000'000;
    base::SeededRandom random{2026};
    std::size_t done = 0, different = 0, size = 1;
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
            multiply(batch.data(), batch.size());
            if (std::memcmp(products.data(), expected.data(), 32 * size) != 0) ++different;
        };
        check(Kernel::avx2, multiply_avx2_4);
        check(Kernel::ifma, multiply_ifma_4);
        check(Kernel::ifma, multiply_ifma_8);
        done += size;
        size = size % x25519_call_max + 1;
    }
    std::cout << done << " inputs, " << different << " calls with a difference\n";
    return different == 0 ? 0 : 1;
}
