// A field element of the IFMA kernel, over any lane type L: x25519_ifma.cpp provides the vector
// registers, and the tests provide lanes in plain C++, so that this code is tested on every
// processor.
//
// A field element is five limbs of radix 2^51, one vector each. vpmadd52 reads the low 52 bits of
// its factors and silently drops the rest, so there are two kinds of element with two types:
//   Narrow: limbs below 2^51 + 2^15; the only valid input of a product;
//   Wide:   limbs below 2^62; the output of a product. Sums and differences are computed on Wides
//           and carried once, all limbs in parallel.
// A difference stays positive because its minuend comes from a "biased" product, which starts from
// 512 p. tests/unit/x25519_bounds.py checks the intervals of every limb through the formulas.
// Include it only from a kernel's own file, like x25519_ladder.hpp.
#pragma once

#include "sphinx/crypto/x25519_ladder.hpp"

namespace nightjar::crypto {

namespace {

using Word = unsigned long long;

constexpr int limbs = 5;
constexpr Word limb_mask = (Word{1} << 51) - 1;
// The limbs of 512 p, with p = 2^255 - 19.
constexpr Word bias_first = (limb_mask - 18) << 9;
constexpr Word bias_other = limb_mask << 9;
constexpr Word a24 = 121665;

template <class L>
struct Field {
    using V = typename L::V;
    struct Narrow {
        V v[limbs];
    };
    struct Wide {
        V v[limbs];
    };
    using Bits = V;
    using Mask = std::uint8_t;
    static constexpr int lanes = L::lanes;

    NIGHTJAR_INLINE V all(Word x) { return V{} + x; }

    // a_i b_j = low + 2^52 high, and 2^52 = 2 * 2^51: column k is the sum of low(i+j = k) plus
    // twice the sum of high(i+j = k-1). So each column first adds its high halves, is doubled once,
    // and then adds its low halves. Columns from 5 on have weight 2^255 = 19 mod p. Column 9 has
    // high halves only; not being doubled, it has weight 38.
    NIGHTJAR_INLINE Wide fold(const V (&column)[10]) {
        Wide r;
        NIGHTJAR_UNROLL
        for (int k = 0; k < 4; ++k)
            r.v[k] = column[k] + column[k + 5] * 19;
        r.v[4] = column[4] + column[9] * 38;
        return r;
    }

    template <bool Biased>
    NIGHTJAR_INLINE Wide product(const Narrow& a, const Narrow& b) {
        V column[10] = {};
        if constexpr (Biased) {
            column[0] = all(bias_first);
            NIGHTJAR_UNROLL
            for (int k = 1; k < limbs; ++k)
                column[k] = all(bias_other / 2);
        }
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            NIGHTJAR_UNROLL
        for (int j = 0; j < limbs; ++j)
            column[i + j + 1] = L::high(column[i + j + 1], a.v[i], b.v[j]);
        NIGHTJAR_UNROLL
        for (int k = 1; k < 9; ++k)
            column[k] += column[k];
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            NIGHTJAR_UNROLL
        for (int j = 0; j < limbs; ++j)
            column[i + j] = L::low(column[i + j], a.v[i], b.v[j]);
        return fold(column);
    }
    NIGHTJAR_INLINE Wide mul(const Narrow& a, const Narrow& b) { return product<false>(a, b); }
    NIGHTJAR_INLINE Wide mul_biased(const Narrow& a, const Narrow& b) {
        return product<true>(a, b);
    }

    // A square contains each cross product twice: the high halves of cross products are doubled
    // twice, the high halves of diagonals and the low halves of cross products once, the low halves
    // of diagonals not at all.
    template <bool Biased>
    NIGHTJAR_INLINE Wide square(const Narrow& a) {
        V column[10] = {};
        if constexpr (Biased) {
            column[0] = all(bias_first);
            column[1] = all(bias_other / 2);
            NIGHTJAR_UNROLL
            for (int k = 2; k < limbs; ++k)
                column[k] = all(bias_other / 4);
        }
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            NIGHTJAR_UNROLL
        for (int j = i + 1; j < limbs; ++j)
            column[i + j + 1] = L::high(column[i + j + 1], a.v[i], a.v[j]);
        NIGHTJAR_UNROLL
        for (int k = 2; k < 9; ++k)
            column[k] += column[k];
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            column[2 * i + 1] = L::high(column[2 * i + 1], a.v[i], a.v[i]);
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            NIGHTJAR_UNROLL
        for (int j = i + 1; j < limbs; ++j)
            column[i + j] = L::low(column[i + j], a.v[i], a.v[j]);
        NIGHTJAR_UNROLL
        for (int k = 1; k < 9; ++k)
            column[k] += column[k];
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            column[2 * i] = L::low(column[2 * i], a.v[i], a.v[i]);
        return fold(column);
    }
    NIGHTJAR_INLINE Wide sqr(const Narrow& a) { return square<false>(a); }
    NIGHTJAR_INLINE Wide sqr_biased(const Narrow& a) { return square<true>(a); }

    /// Carries all limbs in parallel: each keeps its 51 low bits and adds the carry of the limb
    /// below.
    NIGHTJAR_INLINE Narrow carry(const Wide& w) {
        Narrow r;
        r.v[0] = L::low(w.v[0] & all(limb_mask), w.v[4] >> 51, all(19));
        NIGHTJAR_UNROLL
        for (int i = 1; i < limbs; ++i)
            r.v[i] = (w.v[i] & all(limb_mask)) + (w.v[i - 1] >> 51);
        return r;
    }
    NIGHTJAR_INLINE Narrow sum(const Wide& a, const Wide& b) {
        Wide r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = a.v[i] + b.v[i];
        return carry(r);
    }
    /// Precondition: a is biased.
    NIGHTJAR_INLINE Narrow difference(const Wide& a, const Wide& b) {
        Wide r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = a.v[i] - b.v[i];
        return carry(r);
    }
    /// a + 121665 e
    NIGHTJAR_INLINE Narrow add_a24(const Narrow& a, const Narrow& e) {
        V high[limbs];
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            high[i] = L::high(V{}, e.v[i], all(a24));
        Wide r;
        r.v[0] = L::low(L::low(a.v[0], e.v[0], all(a24)), high[4], all(38));
        NIGHTJAR_UNROLL
        for (int i = 1; i < limbs; ++i)
            r.v[i] = L::low(a.v[i], e.v[i], all(a24)) + (high[i - 1] + high[i - 1]);
        return carry(r);
    }
    NIGHTJAR_INLINE Narrow pick(const Narrow& a, const Narrow& b, Mask take_b) {
        Narrow r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = L::pick(a.v[i], b.v[i], take_b);
        return r;
    }
    NIGHTJAR_INLINE Wide doubled(const Wide& a) {
        Wide r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = a.v[i] + a.v[i];
        return r;
    }
    /// Exchanges neighbouring lanes; exchanges the two halves.
    NIGHTJAR_INLINE Narrow swap_neighbours(const Narrow& a) {
        Narrow r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = __builtin_shufflevector(a.v[i], a.v[i], 1, 0, 3, 2);
        return r;
    }
    NIGHTJAR_INLINE Narrow swap_halves(const Narrow& a) {
        Narrow r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = __builtin_shufflevector(a.v[i], a.v[i], 2, 3, 0, 1);
        return r;
    }
    NIGHTJAR_INLINE Narrow one() { return Narrow{{all(1), V{}, V{}, V{}, V{}}}; }

    /// The representative in [0, p) of a Narrow element.
    static Narrow canonical(Narrow a) {
        V over = {};
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i) {
            a.v[i] += over;
            over = a.v[i] >> 51;
            a.v[i] &= all(limb_mask);
        }
        a.v[0] += over * 19;  // now below 2^255 + 2^6
        over = all(19);
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            over = (a.v[i] + over) >> 51;  // ends as one if a + 19 reaches 2^255, that is a >= p
        a.v[0] += over * 19;
        over = V{};
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i) {
            a.v[i] += over;
            over = a.v[i] >> 51;
            a.v[i] &= all(limb_mask);
        }
        return a;
    }
    static Mask is_zero(const Narrow& a) {
        const Narrow c = canonical(a);
        return L::zeros(c.v[0] | c.v[1] | c.v[2] | c.v[3] | c.v[4]);
    }
    NIGHTJAR_INLINE Mask top_bits(V a) { return L::top_bits(a); }
    NIGHTJAR_INLINE Mask all_set() { return 0xff; }

    /// u + 1 and u - 1. Precondition: limbs of u below 2^51.
    struct Around {
        Narrow plus, minus;
    };
    NIGHTJAR_INLINE Around around_one(const Narrow& u) {
        Narrow plus = u;
        plus.v[0] += all(1);
        Wide minus;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            minus.v[i] = u.v[i] + all(i == 0 ? bias_first - 1 : bias_other);
        return {plus, carry(minus)};
    }

    /// Ignores the top bit; accepts values from p to 2^255 - 1 unreduced (RFC 7748).
    static Narrow unpack(const Words<lanes>& in) {
        const V mask = all(limb_mask);
        V w0, w1, w2, w3;
        in.load(w0, 0);
        in.load(w1, 1);
        in.load(w2, 2);
        in.load(w3, 3);
        return {{w0 & mask, (w0 >> 51 | w1 << 13) & mask, (w1 >> 38 | w2 << 26) & mask,
                 (w2 >> 25 | w3 << 39) & mask, (w3 >> 12) & mask}};
    }
    static void pack(Words<lanes>& out, const Narrow& a) {
        const Narrow c = canonical(a);
        out.store(0, c.v[0] | c.v[1] << 51);
        out.store(1, c.v[1] >> 13 | c.v[2] << 38);
        out.store(2, c.v[2] >> 26 | c.v[3] << 25);
        out.store(3, c.v[3] >> 39 | c.v[4] << 12);
    }
};

}  // namespace

}  // namespace nightjar::crypto
