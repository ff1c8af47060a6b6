#include <immintrin.h>

#include "sphinx/crypto/blake2b_lanes.hpp"

namespace nightjar::crypto {

namespace {

struct Four {
    static constexpr std::size_t lanes = 4;
    typedef std::uint64_t V __attribute__((vector_size(32)));

    // Rotations by whole bytes use a shuffle; a rotation right by 63 is a rotation left by one.
    template <int N>
    NIGHTJAR_INLINE V rotate_right(V x) {
        const auto y = (__m256i)x;
        if constexpr (N == 32) return (V)_mm256_shuffle_epi32(y, 0xb1);
        if constexpr (N == 24)
            return (V)_mm256_shuffle_epi8(
                y, _mm256_set_epi64x(0x0a09080f0e0d0c0b, 0x0201000706050403, 0x0a09080f0e0d0c0b,
                                     0x0201000706050403));
        if constexpr (N == 16)
            return (V)_mm256_shuffle_epi8(
                y, _mm256_set_epi64x(0x09080f0e0d0c0b0a, 0x0100070605040302, 0x09080f0e0d0c0b0a,
                                     0x0100070605040302));
        return x >> N | x << (64 - N);
    }
    NIGHTJAR_INLINE void load_words(V (&m)[16], const std::uint8_t* const* rows) {
        transpose_words(m, rows);
    }
};

}  // namespace

void blake2b_avx2_4(const KeyedHash* batch, std::size_t count, std::size_t message_size) {
    hash_in_lanes<Four>(batch, count, message_size);
}

}  // namespace nightjar::crypto
