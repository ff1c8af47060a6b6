// X25519 in the four lanes of AVX2 registers, one multiplication per lane or one alone in all, with
// exact floating-point arithmetic by FMA (the representation of Bernstein's floating-point
// Curve25519 work).
//
// A field element is six limbs, one vector of doubles each. Limb i is a multiple of 2^e_i with e_i
// = ceil(42.5 i), and is balanced around zero. A product of limbs is split exactly in two: adding
// it to a large constant C_j rounds it to a multiple of 2^e_(j+1), the weight of the next limb, and
// a second FMA computes the part that was rounded off. Parts of weight 2^255 or more are multiplied
// by 19 * 2^-255. Sums and differences need no carry before a product (tests/unit/x25519_bounds.py
// has the bounds).
//
// This is correct only in round-to-nearest mode and without contraction or reassociation: the build
// sets -ffp-contract=off, and each call checks the rounding mode. No operand is ever denormal.
#include <immintrin.h>

#include "sphinx/crypto/point_table_lanes.hpp"
#include "sphinx/crypto/x25519_alone.hpp"

namespace nightjar::crypto {

namespace {

constexpr int limbs = 6;
constexpr int exponent[limbs + 1] = {0, 43, 85, 128, 170, 213, 255};

constexpr double power_of_two(int n) {
    double r = 1;
    for (; n > 0; --n)
        r *= 2;
    for (; n < 0; ++n)
        r /= 2;
    return r;
}
constexpr double wrap_factor = 19 * power_of_two(-255);
// The unit of limb i, its inverse, and the constant that rounds to the unit of limb i + 1: 1.5 *
// 2^52 times that unit.
struct Scales {
    double unit[limbs], inverse[limbs], rounder[limbs];
};
constexpr Scales scales = [] {
    Scales s{};
    for (int i = 0; i < limbs; ++i) {
        s.unit[i] = power_of_two(exponent[i]);
        s.inverse[i] = power_of_two(-exponent[i]);
        s.rounder[i] = 1.5 * power_of_two(52 + exponent[i + 1]);
    }
    return s;
}();

struct Field {
    static constexpr int lanes = 4;
    static constexpr double a24 = 121665;
    typedef double V __attribute__((vector_size(32)));
    typedef std::uint64_t Bits __attribute__((vector_size(32)));
    using Mask = Bits;  // only the top bit of each word is used
    struct Element {
        V v[limbs];
    };
    // One element type is enough: products carry their result, and accept uncarried sums.
    using Narrow = Element;
    using Wide = Element;

    NIGHTJAR_INLINE V all(double x) { return V{x, x, x, x}; }
    NIGHTJAR_INLINE V fma(V a, V b, V c) {
        return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
    }
    NIGHTJAR_INLINE V rounder(int j) { return all(scales.rounder[j]); }  // C_j

    /// The sums of the columns of a product: the part above each column's top, offset by
    /// rounder(j), and the exact rest.
    struct Columns {
        V high[limbs], low[limbs];
    };
    // Row i of the product; the first row initialises the columns. The empty statement stops the
    // compiler from computing all products first, which it would have to spill.
    template <bool First>
    NIGHTJAR_INLINE void accumulate(Columns& c, int j, V a, V b) {
        const V before = First ? rounder(j) : c.high[j];
        c.high[j] = fma(a, b, before);
        const V rest = fma(a, b, before - c.high[j]);
        c.low[j] = First ? rest : c.low[j] + rest;
        asm volatile("" : "+x"(c.low[j]));
    }
    NIGHTJAR_INLINE Element reduce(const Columns& c) {
        V z[limbs], over[limbs];
        z[0] = fma(all(wrap_factor), c.high[5] - rounder(5), c.low[0]);
        NIGHTJAR_UNROLL
        for (int j = 1; j < limbs; ++j)
            z[j] = c.low[j] + (c.high[j - 1] - rounder(j - 1));
        NIGHTJAR_UNROLL
        for (int j = 0; j < limbs; ++j)
            over[j] = (z[j] + rounder(j)) - rounder(j);
        Element r;
        r.v[0] = fma(all(wrap_factor), over[5], z[0] - over[0]);
        NIGHTJAR_UNROLL
        for (int j = 1; j < limbs; ++j)
            r.v[j] = (z[j] - over[j]) + over[j - 1];
        return r;
    }

    NIGHTJAR_INLINE Element mul(const Element& a, const Element& b) {
        Columns c;
        NIGHTJAR_UNROLL
        for (int j = 0; j < limbs; ++j)
            accumulate<true>(c, j, a.v[0], b.v[j]);
        NIGHTJAR_UNROLL
        for (int i = 1; i < limbs; ++i) {
            NIGHTJAR_UNROLL
            for (int j = 0; j < limbs - i; ++j)
                accumulate<false>(c, i + j, a.v[i], b.v[j]);
            const V wrapped = a.v[i] * all(wrap_factor);
            NIGHTJAR_UNROLL
            for (int j = limbs - i; j < limbs; ++j)
                accumulate<false>(c, i + j - limbs, wrapped, b.v[j]);
        }
        return reduce(c);
    }
    // Each cross product is computed once, with a doubled factor.
    NIGHTJAR_INLINE Element sqr(const Element& a) {
        Columns c;
        accumulate<true>(c, 0, a.v[0], a.v[0]);
        NIGHTJAR_UNROLL
        for (int j = 1; j < limbs; ++j)
            accumulate<true>(c, j, a.v[0] + a.v[0], a.v[j]);
        NIGHTJAR_UNROLL
        for (int i = 1; i < limbs; ++i) {
            const V wrapped = a.v[i] * all(wrap_factor);
            if (2 * i < limbs)
                accumulate<false>(c, 2 * i, a.v[i], a.v[i]);
            else
                accumulate<false>(c, 2 * i - limbs, wrapped, a.v[i]);
            NIGHTJAR_UNROLL
            for (int j = i + 1; j < limbs; ++j) {
                if (i + j < limbs)
                    accumulate<false>(c, i + j, a.v[i] + a.v[i], a.v[j]);
                else
                    accumulate<false>(c, i + j - limbs, wrapped + wrapped, a.v[j]);
            }
        }
        return reduce(c);
    }
    NIGHTJAR_INLINE Element mul_biased(const Element& a, const Element& b) { return mul(a, b); }
    NIGHTJAR_INLINE Element sqr_biased(const Element& a) { return sqr(a); }
    NIGHTJAR_INLINE const Element& carry(const Element& a) { return a; }
    NIGHTJAR_INLINE Element sum(const Element& a, const Element& b) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = a.v[i] + b.v[i];
        return r;
    }
    NIGHTJAR_INLINE Element difference(const Element& a, const Element& b) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = a.v[i] - b.v[i];
        return r;
    }
    /// a + 121665 e
    NIGHTJAR_INLINE Element add_a24(const Element& a, const Element& e) {
        V over[limbs], rest[limbs];
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i) {
            over[i] = fma(e.v[i], all(a24), rounder(i)) - rounder(i);
            rest[i] = fma(e.v[i], all(a24), -over[i]) + a.v[i];
        }
        Element r;
        r.v[0] = fma(all(wrap_factor), over[5], rest[0]);
        NIGHTJAR_UNROLL
        for (int i = 1; i < limbs; ++i)
            r.v[i] = rest[i] + over[i - 1];
        return r;
    }
    NIGHTJAR_INLINE Element pick(const Element& a, const Element& b, const Mask& take_b) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = (V)_mm256_blendv_pd((__m256d)a.v[i], (__m256d)b.v[i], (__m256d)take_b);
        return r;
    }
    NIGHTJAR_INLINE Element doubled(const Element& a) { return sum(a, a); }
    /// Exchanges neighbouring lanes; exchanges the two halves.
    NIGHTJAR_INLINE Element swap_neighbours(const Element& a) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = __builtin_shufflevector(a.v[i], a.v[i], 1, 0, 3, 2);
        return r;
    }
    NIGHTJAR_INLINE Element swap_halves(const Element& a) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = __builtin_shufflevector(a.v[i], a.v[i], 2, 3, 0, 1);
        return r;
    }
    /// w0 + w1, w0 - w1, w2 + w3, w2 - w3. `neighbours`: w with neighbouring lanes exchanged.
    NIGHTJAR_INLINE Element sums(const Element& w, const Element& neighbours) {
        const __m256d minus = _mm256_setr_pd(0.0, -0.0, 0.0, -0.0);
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = neighbours.v[i] + (V)_mm256_xor_pd((__m256d)w.v[i], minus);
        return r;
    }
    /// Which lanes an exchange reads: 32 bits for each half of a lane.
    using Order = __m256i;
    /// Lanes 0, 1, 2 and 3, or 2, 3, 0 and 1 where `swap` is set. The next function does the same
    /// with lanes 0, 1, 1 and 0.
    NIGHTJAR_INLINE Order halves(const Mask& swap) {
        return _mm256_xor_si256(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), other_half(swap));
    }
    NIGHTJAR_INLINE Order ends_inside(const Mask& swap) {
        return _mm256_xor_si256(_mm256_setr_epi32(0, 1, 2, 3, 2, 3, 0, 1), other_half(swap));
    }
    NIGHTJAR_INLINE Order other_half(const Mask& swap) {
        const __m256i all = _mm256_cmpgt_epi64(_mm256_setzero_si256(), (__m256i)swap);
        return _mm256_and_si256(all, _mm256_set1_epi32(4));
    }
    NIGHTJAR_INLINE Element ordered(const Element& a, const Order& order) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = (V)_mm256_permutevar8x32_ps((__m256)a.v[i], order);
        return r;
    }
    /// a, with the lanes of b where a bit is set in `Lanes`.
    template <int Lanes>
    NIGHTJAR_INLINE Element blend(const Element& a, const Element& b) {
        Element r;
        NIGHTJAR_UNROLL
        for (int i = 0; i < limbs; ++i)
            r.v[i] = (V)_mm256_blend_pd((__m256d)a.v[i], (__m256d)b.v[i], Lanes);
        return r;
    }
    /// A number in each lane; below 2^43.
    NIGHTJAR_INLINE Element spread(double a, double b, double c, double d) {
        return Element{{V{a, b, c, d}}};
    }
    NIGHTJAR_INLINE Mask none_set() { return Mask{}; }
    NIGHTJAR_INLINE Bits top_bits(Bits bits) { return bits; }
    NIGHTJAR_INLINE Mask all_set() { return ~Mask{}; }
    NIGHTJAR_INLINE Element one() { return Element{{all(1)}}; }
    struct Around {
        Element plus, minus;
    };
    NIGHTJAR_INLINE Around around_one(const Element& u) {
        return {sum(u, one()), difference(u, one())};
    }

    // Conversion from and to bytes, once per multiplication: with integers, lane by lane.
    static Element unpack(const Words<lanes>& in) {
        Element r;
        for (int i = 0; i < limbs; ++i) {
            const int from = exponent[i], width = exponent[i + 1] - from;
            for (int lane = 0; lane < lanes; ++lane) {
                std::uint64_t limb = in.w[from / 64][lane] >> (from % 64);
                if (from % 64 + width > 64) limb |= in.w[from / 64 + 1][lane] << (64 - from % 64);
                limb &= (std::uint64_t{1} << width) - 1;
                r.v[i][lane] = static_cast<double>(limb) * scales.unit[i];
            }
        }
        // Balance the limbs, as a product does.
        Columns c;
        for (int j = 0; j < limbs; ++j) {
            c.low[j] = r.v[j];
            c.high[j] = rounder(j);
        }
        return reduce(c);
    }

    struct Limbs {
        std::int64_t v[limbs];
    };
    /// One pass of carries. The carry out of the top limb is added back times 19 if `wrap`, else
    /// returned.
    static std::int64_t pass(Limbs& x, bool wrap) {
        std::int64_t over = 0;
        for (int i = 0; i < limbs; ++i) {
            const int width = exponent[i + 1] - exponent[i];
            x.v[i] += over;
            over = x.v[i] >> width;
            x.v[i] -= over * (std::int64_t{1} << width);
        }
        if (wrap) x.v[0] += 19 * over;
        return over;
    }
    static Limbs canonical(const Element& a, int lane) {
        Limbs x;
        for (int i = 0; i < limbs; ++i)
            x.v[i] = static_cast<std::int64_t>(a.v[i][lane] * scales.inverse[i]);
        pass(x, true);
        pass(x, true);
        pass(x, true);  // now in [0, 2^255); the next step reduces values from p on
        Limbs reached = x;
        reached.v[0] += 19;
        x.v[0] += 19 * pass(reached, false);
        pass(x, false);
        return x;
    }
    static Mask is_zero(const Element& a) {
        Mask zero;
        for (int lane = 0; lane < lanes; ++lane) {
            const Limbs x = canonical(a, lane);
            std::uint64_t any = 0;
            for (int i = 0; i < limbs; ++i)
                any |= static_cast<std::uint64_t>(x.v[i]);
            zero[lane] = ~(any | (0 - any));  // the top bit: set only for zero
        }
        return zero;
    }
    static void pack(Words<lanes>& out, const Element& a) {
        for (int lane = 0; lane < lanes; ++lane) {
            const Limbs x = canonical(a, lane);
            for (int i = 0; i < limbs; ++i) {
                const auto limb = static_cast<std::uint64_t>(x.v[i]);
                const int at = exponent[i] / 64, shift = exponent[i] % 64;
                out.w[at][lane] |= limb << shift;
                if (shift != 0 && at < 3) out.w[at + 1][lane] |= limb >> (64 - shift);
            }
        }
    }
};

}  // namespace

// Any other rounding mode would give wrong products, so trap instead.
static void require_round_to_nearest() {
    if (_MM_GET_ROUNDING_MODE() != _MM_ROUND_NEAREST) __builtin_trap();
}

void multiply_avx2_4(const Multiplication* batch, std::size_t count) {
    require_round_to_nearest();
    count == 1 ? multiply_alone<Field>(*batch) : multiply_in_lanes<Field>(batch, count);
}

bool tabulate_avx2(PointTable& table, const LiftedPoint& point) {
    require_round_to_nearest();
    return Comb<Field>::tabulate(table, point);
}

void multiply_tables_avx2(const TableMultiplication* batch, std::size_t count) {
    require_round_to_nearest();
    multiply_by_tables<Field>(batch, count);
}

}  // namespace nightjar::crypto
