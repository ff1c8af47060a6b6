#include "sphinx/crypto/blake2b_batch.hpp"

#include <sodium.h>

#include <algorithm>

#include "sphinx/crypto/blake2b_kernels.hpp"
#include "sphinx/crypto/kernel.hpp"

namespace nightjar::crypto {

namespace {

void hash_portable(std::span<const KeyedHash> batch, std::size_t message_size) {
    for (const auto& one : batch)
        crypto_generichash_blake2b(one.digest, blake2b_digest_size, one.message, message_size,
                                   one.key, blake2b_key_size);
}

}  // namespace

void blake2b_keyed(std::span<const KeyedHash> batch, std::size_t message_size) {
#if defined(__x86_64__)
    const auto choice = kernel();
    // For a single message libsodium is as fast as a lane.
    while (choice != Kernel::portable && batch.size() > 1) {
        const bool wide = choice == Kernel::ifma && batch.size() > 4;
        const auto call = batch.first(std::min<std::size_t>(batch.size(), wide ? 8 : 4));
        if (wide)
            blake2b_avx512_8(call.data(), call.size(), message_size);
        else if (choice == Kernel::ifma)
            blake2b_avx512_4(call.data(), call.size(), message_size);
        else
            blake2b_avx2_4(call.data(), call.size(), message_size);
        batch = batch.subspan(call.size());
    }
#endif
    hash_portable(batch, message_size);
}

}  // namespace nightjar::crypto
