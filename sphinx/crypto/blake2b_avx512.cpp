#include <immintrin.h>

#include "sphinx/crypto/blake2b_lanes.hpp"

namespace nightjar::crypto {

namespace {

struct Eight {
    static constexpr std::size_t lanes = 8;
    typedef std::uint64_t V __attribute__((vector_size(64)));

    template <int N>
    NIGHTJAR_INLINE V rotate_right(V x) {
        return (V)_mm512_ror_epi64((__m512i)x, N);
    }
    /// Transposes eight words of eight lanes in three rounds of exchanges.
    NIGHTJAR_INLINE void transpose(V* out, const std::uint8_t* const* rows, std::size_t offset) {
        __m512i r[8], p[8], q[8];
        NIGHTJAR_UNROLL
        for (int i = 0; i < 8; ++i)
            r[i] = _mm512_loadu_si512(rows[i] + offset);
        NIGHTJAR_UNROLL
        for (int i = 0; i < 8; i += 2) {
            p[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
            p[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
        }
        NIGHTJAR_UNROLL
        for (int i = 0; i < 2; ++i) {
            q[i] = _mm512_shuffle_i64x2(p[i], p[i + 2], 0x88);
            q[i + 2] = _mm512_shuffle_i64x2(p[i], p[i + 2], 0xdd);
            q[i + 4] = _mm512_shuffle_i64x2(p[i + 4], p[i + 6], 0x88);
            q[i + 6] = _mm512_shuffle_i64x2(p[i + 4], p[i + 6], 0xdd);
        }
        NIGHTJAR_UNROLL
        for (int i = 0; i < 4; ++i) {
            out[i] = (V)_mm512_shuffle_i64x2(q[i], q[i + 4], 0x88);
            out[i + 4] = (V)_mm512_shuffle_i64x2(q[i], q[i + 4], 0xdd);
        }
    }
    NIGHTJAR_INLINE void load_words(V (&m)[16], const std::uint8_t* const* rows) {
        transpose(m, rows, 0);
        transpose(m + 8, rows, 64);
    }
};

struct Four {
    static constexpr std::size_t lanes = 4;
    typedef std::uint64_t V __attribute__((vector_size(32)));

    template <int N>
    NIGHTJAR_INLINE V rotate_right(V x) {
        return (V)_mm256_ror_epi64((__m256i)x, N);
    }
    NIGHTJAR_INLINE void load_words(V (&m)[16], const std::uint8_t* const* rows) {
        transpose_words(m, rows);
    }
};

}  // namespace

void blake2b_avx512_8(const KeyedHash* batch, std::size_t count, std::size_t message_size) {
    hash_in_lanes<Eight>(batch, count, message_size);
}

void blake2b_avx512_4(const KeyedHash* batch, std::size_t count, std::size_t message_size) {
    hash_in_lanes<Four>(batch, count, message_size);
}

}  // namespace nightjar::crypto
