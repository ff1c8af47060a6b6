// Every kernel against libsodium: the input is scalars and points, 64 bytes a pair.
#include <sodium.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "sphinx/packet/kernel.hpp"
#include "sphinx/packet/x25519_kernels.hpp"

using namespace nightjar::packet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::size_t count = std::min(size / 64, x25519_call_max);
    if (count == 0) return 0;
    std::vector<std::uint8_t> products(32 * count), expected(32 * count, 0);
    std::vector<Multiplication> batch;
    for (std::size_t i = 0; i < count; ++i) {
        batch.push_back({data + 64 * i, data + 64 * i + 32, products.data() + 32 * i});
        if (crypto_scalarmult(expected.data() + 32 * i, batch[i].scalar, batch[i].point) != 0)
            std::memset(expected.data() + 32 * i, 0, 32);
    }
    const auto check = [&](Kernel kernel, auto multiply) {
        if (!available(kernel)) return;
        multiply(batch.data(), count);
        if (products != expected) std::abort();
    };
    check(Kernel::avx2, multiply_avx2_4);
    check(Kernel::ifma, multiply_ifma_4);
    check(Kernel::ifma, multiply_ifma_8);
    return 0;
}
