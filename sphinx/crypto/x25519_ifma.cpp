// X25519 in the 64-bit lanes of AVX-512 registers, one multiplication per lane (AVX-512 IFMA), and
// multiplications by tables. The arithmetic is in x25519_ifma_field.hpp; this file provides the
// registers.
//
// Mask registers select values, and memory is indexed by public values only. Secrets leave the
// registers only for objects of this file, which are wiped before a call returns.
#include <immintrin.h>

#include "sphinx/crypto/point_table_lanes.hpp"
#include "sphinx/crypto/x25519_ifma_field.hpp"

namespace nightjar::crypto {

namespace {

/// The two register widths: operations beyond the operators of the compiler's vector types.
struct Eight {
    static constexpr int lanes = 8;
    typedef Word V __attribute__((vector_size(64)));
    NIGHTJAR_INLINE V low(V sum, V a, V b) {  // sum + (a b mod 2^52)
        return (V)_mm512_madd52lo_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
    }
    NIGHTJAR_INLINE V high(V sum, V a, V b) {  // sum + floor(a b / 2^52)
        return (V)_mm512_madd52hi_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
    }
    NIGHTJAR_INLINE V pick(V a, V b, __mmask8 take_b) {
        return (V)_mm512_mask_mov_epi64((__m512i)a, take_b, (__m512i)b);
    }
    NIGHTJAR_INLINE __mmask8 top_bits(V a) { return _mm512_movepi64_mask((__m512i)a); }
    NIGHTJAR_INLINE __mmask8 zeros(V a) { return _mm512_testn_epi64_mask((__m512i)a, (__m512i)a); }
};

struct Four {
    static constexpr int lanes = 4;
    typedef Word V __attribute__((vector_size(32)));
    NIGHTJAR_INLINE V low(V sum, V a, V b) {
        return (V)_mm256_madd52lo_epu64((__m256i)sum, (__m256i)a, (__m256i)b);
    }
    NIGHTJAR_INLINE V high(V sum, V a, V b) {
        return (V)_mm256_madd52hi_epu64((__m256i)sum, (__m256i)a, (__m256i)b);
    }
    NIGHTJAR_INLINE V pick(V a, V b, __mmask8 take_b) {
        return (V)_mm256_mask_mov_epi64((__m256i)a, take_b, (__m256i)b);
    }
    NIGHTJAR_INLINE __mmask8 top_bits(V a) { return _mm256_movepi64_mask((__m256i)a); }
    NIGHTJAR_INLINE __mmask8 zeros(V a) { return _mm256_testn_epi64_mask((__m256i)a, (__m256i)a); }
};

}  // namespace

void multiply_ifma_8(const Multiplication* batch, std::size_t count) {
    multiply_in_lanes<Field<Eight>>(batch, count);
}

void multiply_ifma_4(const Multiplication* batch, std::size_t count) {
    multiply_in_lanes<Field<Four>>(batch, count);
}

bool tabulate_ifma(PointTable& table, const LiftedPoint& point) {
    return Comb<Field<Four>>::tabulate(table, point);
}

void multiply_tables_ifma(const TableMultiplication* batch, std::size_t count) {
    multiply_by_tables<Field<Four>>(batch, count);
}

}  // namespace nightjar::crypto
