// Code shared by the vector kernels: the Montgomery ladder over several lanes, and the inversion
// that all lanes of a call share. A kernel provides its field F:
//   Narrow, Wide   the input and the output type of a product (they may be the same);
//   mul, sqr       products; the _biased forms give a valid minuend of difference();
//   sum, difference, carry, add_a24, pick, one, around_one (u + 1 and u - 1), is_zero, pack, unpack
//   Bits, Mask     a word per lane, and a selection by their top bits.
// Constant time: no branch and no address depends on a scalar or a point. Include it only from a
// kernel's own file: everything here ends up in that file's unnamed namespace.
#pragma once

#include <sodium.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sphinx/crypto/x25519_kernels.hpp"

// Everything must be inlined into the ladder and unrolled there; otherwise limbs live in memory.
#define NIGHTJAR_INLINE static inline __attribute__((always_inline))
#define NIGHTJAR_OUTLINE static __attribute__((noinline))
#define NIGHTJAR_UNROLL _Pragma("GCC unroll 16")

namespace nightjar::crypto {

namespace {

/// The 32 bytes of each lane as four little-endian words, stored word by word; wiped.
template <int Lanes>
struct Words {
    alignas(64) std::uint64_t w[4][Lanes] = {};

    ~Words() { sodium_memzero(w, sizeof w); }
    void set(std::size_t lane, const std::uint8_t* bytes) {
        for (int i = 0; i < 4; ++i)
            std::memcpy(&w[i][lane], bytes + 8 * i, 8);
    }
    void get(std::size_t lane, std::uint8_t* bytes) const {
        for (int i = 0; i < 4; ++i)
            std::memcpy(bytes + 8 * i, &w[i][lane], 8);
    }
    template <class V>
    void load(V& v, int i) const {
        static_assert(sizeof v == sizeof w[i]);
        std::memcpy(&v, w[i], sizeof v);
    }
    template <class V>
    void store(int i, const V& v) {
        static_assert(sizeof v == sizeof w[i]);
        std::memcpy(w[i], &v, sizeof v);
    }
};

template <class F>
struct Ladder {
    using Narrow = typename F::Narrow;
    using Wide = typename F::Wide;

    /// A point (x : z) in the form that the ladder keeps.
    struct Point {
        Narrow sum, difference;
    };
    /// Precondition: x biased.
    NIGHTJAR_INLINE Point point(const Wide& x, const Wide& z) {
        return {F::sum(x, z), F::difference(x, z)};
    }
    /// x (biased) and z of the double of p.
    NIGHTJAR_INLINE void twice(const Point& p, Wide& x, Wide& z) {
        const Wide aa = F::sqr_biased(p.sum);
        const Wide bb = F::sqr(p.difference);
        const Narrow a = F::carry(aa);
        const Narrow e = F::difference(aa, bb);
        x = F::mul_biased(a, F::carry(bb));
        z = F::mul(e, F::add_a24(a, e));
    }
    NIGHTJAR_INLINE Point pick(const Point& a, const Point& b, const typename F::Mask& take_b) {
        return {F::pick(a.sum, b.sum, take_b), F::pick(a.difference, b.difference, take_b)};
    }

    // A clamped scalar has bit 254 set and bits 2 to 0 clear. So the ladder starts at (2P, P), with
    // the two points exchanged, and ends with three doublings. Each step adds the two points and
    // doubles the one that the bit selects. The order does not matter for the addition (an exchange
    // only changes the sign of da - cb, which is squared), so only the operand of the doubling is
    // selected.
    NIGHTJAR_OUTLINE void run(const Words<F::lanes>& scalars, const Narrow& u, Narrow& x_out,
                              Narrow& z_out) {
        Wide x, z;
        const auto start = F::around_one(u);
        Point other{start.plus, start.minus};
        twice(other, x, z);
        Point chosen = point(x, z);

        auto previous = F::all_set();
        typename F::Bits bits;
        scalars.load(bits, 3);
        bits <<= 2;  // bit 253 on top
        for (int bit = 253; bit > 2; --bit) {
            if (bit % 64 == 63) scalars.load(bits, bit / 64);
            const auto current = F::top_bits(bits);
            const typename F::Mask swap = current ^ previous;
            previous = current;
            bits += bits;

            const Wide da = F::mul_biased(chosen.sum, other.difference);
            const Wide cb = F::mul(chosen.difference, other.sum);
            const Point doubled = pick(chosen, other, swap);
            const Narrow s = F::sum(da, cb);
            const Narrow t = F::carry(F::sqr(F::difference(da, cb)));
            twice(doubled, x, z);
            chosen = point(x, z);
            other = point(F::sqr_biased(s), F::mul(t, u));
        }
        chosen = pick(chosen, other, previous);
        for (int i = 0; i < 3; ++i) {
            twice(chosen, x, z);
            chosen = point(x, z);
        }
        x_out = F::carry(x);
        z_out = F::carry(z);
    }
};

template <class F>
NIGHTJAR_OUTLINE typename F::Narrow times(const typename F::Narrow& a,
                                          const typename F::Narrow& b) {
    return F::carry(F::mul(a, b));
}

template <class F>
NIGHTJAR_OUTLINE typename F::Narrow squared(typename F::Narrow a, int times_over) {
    for (; times_over > 0; --times_over)
        a = F::carry(F::sqr(a));
    return a;
}

/// z^(p-2), which is 1/z. The names give the exponent: z_k is z^(2^k - 1).
template <class F>
typename F::Narrow invert(const typename F::Narrow& z) {
    const auto z2 = squared<F>(z, 1);
    const auto z9 = times<F>(squared<F>(z2, 2), z);
    const auto z11 = times<F>(z9, z2);
    const auto z_5 = times<F>(squared<F>(z11, 1), z9);
    const auto z_10 = times<F>(squared<F>(z_5, 5), z_5);
    const auto z_20 = times<F>(squared<F>(z_10, 10), z_10);
    const auto z_40 = times<F>(squared<F>(z_20, 20), z_20);
    const auto z_50 = times<F>(squared<F>(z_40, 10), z_10);
    const auto z_100 = times<F>(squared<F>(z_50, 50), z_50);
    const auto z_200 = times<F>(squared<F>(z_100, 100), z_100);
    const auto z_250 = times<F>(squared<F>(z_200, 50), z_50);
    return times<F>(squared<F>(z_250, 5), z11);
}

/// Wipes the stack frames of a call that has just returned, and those of its callees: unnamed
/// temporaries that the compiler spilled to the stack are as secret as the elements in `Work`.
template <class Work>
NIGHTJAR_INLINE void wipe_frames_of_a_call() {
    constexpr std::size_t all_but_work = 12 * 1024;
    sodium_stackzero(sizeof(Work) + all_but_work);
}

template <class F>
struct LanesWork {
    static constexpr std::size_t groups_max = x25519_call_max / F::lanes;
    typename F::Narrow x[groups_max], z[groups_max], prefix[groups_max], inverse;
};

/// The last group is filled with zeros. They are points of low order, and do not affect the other
/// lanes.
template <class F>
NIGHTJAR_OUTLINE void multiply_groups(const Multiplication* batch, std::size_t count) {
    using Narrow = typename F::Narrow;
    constexpr std::size_t lanes = F::lanes;
    LanesWork<F> work;
    typename F::Mask zero[LanesWork<F>::groups_max];
    const std::size_t groups = (count + lanes - 1) / lanes;
    const auto lanes_of = [&](std::size_t g) {
        return count - g * lanes < lanes ? count - g * lanes : lanes;
    };

    for (std::size_t g = 0; g < groups; ++g) {
        Words<F::lanes> scalars, points;
        for (std::size_t lane = 0; lane < lanes_of(g); ++lane) {
            scalars.set(lane, batch[g * lanes + lane].scalar);
            points.set(lane, batch[g * lanes + lane].point);
        }
        Ladder<F>::run(scalars, F::unpack(points), work.x[g], work.z[g]);
        // All groups share one inversion (Montgomery's trick). A z of zero would make the product
        // of all zero, so it is replaced by one, and its lane's result is set to zero at the end.
        zero[g] = F::is_zero(work.z[g]);
        work.z[g] = F::pick(work.z[g], F::one(), zero[g]);
        work.prefix[g] = g == 0 ? work.z[0] : times<F>(work.prefix[g - 1], work.z[g]);
    }
    work.inverse = invert<F>(work.prefix[groups - 1]);
    for (std::size_t g = groups; g-- > 0;) {
        const Narrow z_inverse = g == 0 ? work.inverse : times<F>(work.inverse, work.prefix[g - 1]);
        work.inverse = times<F>(work.inverse, work.z[g]);
        Words<F::lanes> products;
        F::pack(products, F::pick(times<F>(work.x[g], z_inverse), Narrow{}, zero[g]));
        for (std::size_t lane = 0; lane < lanes_of(g); ++lane)
            products.get(lane, batch[g * lanes + lane].product);
    }
}

/// A whole call, including the wipe.
template <class F>
void multiply_in_lanes(const Multiplication* batch, std::size_t count) {
    multiply_groups<F>(batch, count);
    wipe_frames_of_a_call<LanesWork<F>>();
}

}  // namespace

}  // namespace nightjar::crypto
