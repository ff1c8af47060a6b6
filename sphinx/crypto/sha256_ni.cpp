// SHA-256 with the processor's SHA instructions. One message waits for the latency of sha256rnds2;
// two in parallel hide it (docs/decisions/0011-sha256.md). Precondition: has_sha_instructions().
#include <immintrin.h>

#include "sphinx/crypto/sha256_kernels.hpp"

#define NIGHTJAR_UNROLL _Pragma("GCC unroll 16")

namespace nightjar::crypto {

namespace {

alignas(16) constexpr std::uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/// The words in the order of the instructions: a b e f and c d g h, the first in the top lane.
struct Halves {
    __m128i abef, cdgh;
};

Halves load(const std::uint32_t* words) {
    const __m128i dcba = _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
    const __m128i hgfe = _mm_loadu_si128(reinterpret_cast<const __m128i*>(words + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
    const __m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

void store(std::uint32_t* words, const Halves& halves) {
    const __m128i feba = _mm_shuffle_epi32(halves.abef, 0x1b);
    const __m128i dchg = _mm_shuffle_epi32(halves.cdgh, 0xb1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

template <int Lanes>
inline __attribute__((always_inline)) void compress(std::uint32_t* const* states,
                                                    const std::uint8_t* const* blocks,
                                                    std::size_t count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    Halves state[Lanes];
    for (int lane = 0; lane < Lanes; ++lane)
        state[lane] = load(states[lane]);
    for (std::size_t block = 0; block < count; ++block) {
        Halves s[Lanes];
        __m128i w[Lanes][4];
        NIGHTJAR_UNROLL
        for (int lane = 0; lane < Lanes; ++lane)
            s[lane] = state[lane];
        NIGHTJAR_UNROLL
        for (int group = 0; group < 16; ++group) {
            const __m128i k =
                _mm_load_si128(reinterpret_cast<const __m128i*>(round_constants + 4 * group));
            NIGHTJAR_UNROLL
            for (int lane = 0; lane < Lanes; ++lane) {
                __m128i& now = w[lane][group % 4];
                if (group < 4) {
                    const auto* from = blocks[lane] + 64 * block + 16 * group;
                    now = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)),
                                           big_endian);
                } else {
                    const __m128i& last = w[lane][(group + 3) % 4];
                    const __m128i middle = _mm_alignr_epi8(last, w[lane][(group + 2) % 4], 4);
                    now = _mm_sha256msg1_epu32(now, w[lane][(group + 1) % 4]);
                    now = _mm_sha256msg2_epu32(_mm_add_epi32(now, middle), last);
                }
                const __m128i sum = _mm_add_epi32(now, k);
                s[lane].cdgh = _mm_sha256rnds2_epu32(s[lane].cdgh, s[lane].abef, sum);
                s[lane].abef =
                    _mm_sha256rnds2_epu32(s[lane].abef, s[lane].cdgh, _mm_shuffle_epi32(sum, 0x0e));
            }
        }
        NIGHTJAR_UNROLL
        for (int lane = 0; lane < Lanes; ++lane) {
            state[lane].abef = _mm_add_epi32(state[lane].abef, s[lane].abef);
            state[lane].cdgh = _mm_add_epi32(state[lane].cdgh, s[lane].cdgh);
        }
    }
    for (int lane = 0; lane < Lanes; ++lane)
        store(states[lane], state[lane]);
}

}  // namespace

void sha256_ni_1(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                 std::size_t count) {
    compress<1>(states, blocks, count);
}

void sha256_ni_2(std::uint32_t* const* states, const std::uint8_t* const* blocks,
                 std::size_t count) {
    compress<2>(states, blocks, count);
}

}  // namespace nightjar::crypto
