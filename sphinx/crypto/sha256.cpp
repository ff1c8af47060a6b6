// SHA256_Transform is deprecated in OpenSSL 3, but the EVP interface neither accepts nor returns a
// chaining value. Saved HMAC pads need exactly that, and take a third of the time of HMAC().
#define OPENSSL_SUPPRESS_DEPRECATED

#include "sphinx/crypto/sha256.hpp"

#include <openssl/sha.h>

#include <algorithm>

#include "sphinx/crypto/kernel.hpp"
#include "sphinx/crypto/sha256_kernels.hpp"

namespace nightjar::crypto {

static void compress_one(Sha256State& state, const std::uint8_t* blocks, std::size_t count) {
    SHA256_CTX context;
    std::copy(state.words.begin(), state.words.end(), context.h);
    for (std::size_t i = 0; i < count; ++i)
        SHA256_Transform(&context, blocks + 64 * i);
    std::copy(context.h, context.h + 8, state.words.begin());
    sodium_memzero(&context, sizeof context);
}

template <std::size_t Lanes>
void sha256_compress(std::array<Sha256State, Lanes>& states,
                     const std::array<const std::uint8_t*, Lanes>& blocks, std::size_t count) {
#if defined(__x86_64__)
    if (has_sha_instructions() && kernel() != Kernel::portable) {
        std::array<std::uint32_t*, Lanes> words;
        for (std::size_t lane = 0; lane < Lanes; ++lane)
            words[lane] = states[lane].words.data();
        return Lanes == 2 ? sha256_ni_2(words.data(), blocks.data(), count)
                          : sha256_ni_1(words.data(), blocks.data(), count);
    }
#endif
    for (std::size_t lane = 0; lane < Lanes; ++lane)
        compress_one(states[lane], blocks[lane], count);
}

template void sha256_compress<1>(std::array<Sha256State, 1>&,
                                 const std::array<const std::uint8_t*, 1>&, std::size_t);
template void sha256_compress<2>(std::array<Sha256State, 2>&,
                                 const std::array<const std::uint8_t*, 2>&, std::size_t);

}  // namespace nightjar::crypto
