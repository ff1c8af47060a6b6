#include "sphinx/crypto/x25519_batch.hpp"

#include <sodium.h>

#include <algorithm>

#include "sphinx/crypto/kernel.hpp"
#include "sphinx/crypto/x25519_kernels.hpp"

namespace nightjar::crypto {

namespace {

void multiply_portable(std::span<const Multiplication> batch) {
    for (const auto& one : batch) {
        if (crypto_scalarmult(one.product, one.scalar, one.point) != 0)
            sodium_memzero(one.product, 32);
    }
}

#if defined(__x86_64__)
// With IFMA, up to four multiplications take half the time in four lanes of 256 bits; from five on,
// eight lanes of 512 bits are faster (docs/performance.md).
void multiply_ifma(std::span<const Multiplication> batch) {
    batch.size() <= 4 ? multiply_ifma_4(batch.data(), batch.size())
                      : multiply_ifma_8(batch.data(), batch.size());
}

void multiply_avx2(std::span<const Multiplication> batch) {
    multiply_avx2_4(batch.data(), batch.size());
}
#endif

}  // namespace

void multiply(std::span<const Multiplication> batch) {
#if defined(__x86_64__)
    const auto choice = kernel();
    while (choice != Kernel::portable && !batch.empty()) {
        const auto call = batch.first(std::min(batch.size(), x25519_call_max));
        choice == Kernel::ifma ? multiply_ifma(call) : multiply_avx2(call);
        batch = batch.subspan(call.size());
    }
#endif
    multiply_portable(batch);
}

bool is_zero(std::span<const std::uint8_t, 32> bytes) {
    return sodium_is_zero(bytes.data(), bytes.size()) == 1;
}

}  // namespace nightjar::crypto
