// One X25519 multiplication alone, in four lanes. They hold the coordinates of the ladder's two
// points, x2, z2, x3 and z3. The products of a step take three rounds, one product in each lane:
//
//             lane 0        lane 1              lane 2       lane 3
//   sums      a = x2 + z2   b = x2 - z2         c = x3 + z3  d = x3 - z3
//   round 1   aa = a a      bb = b b            cb = c b     da = d a
//   sums      aa            e = aa - bb         s = cb + da  t = cb - da
//   round 2   x2 = aa bb    f = 121665 e        x3 = s s     tt = t t
//   round 3   x2 1          z2 = e (aa + f)     x3 1         z3 = tt u
//
// For a field F as in x25519_ladder.hpp whose elements need no carry between a product and a sum.
// Constant time: a bit of the scalar selects between two values that are both computed. Include it
// only from a kernel's own file.
#pragma once

#include "sphinx/crypto/x25519_ladder.hpp"

namespace nightjar::crypto {

namespace {

template <class F>
struct Alone {
    using Element = typename F::Element;
    using Mask = typename F::Mask;
    static_assert(F::lanes == 4);

    static constexpr int lane_0 = 1, lane_1 = 2, lane_2 = 4, lane_3 = 8;

    /// The lanes of `u` and the words of `scalar` are equal. x and z are in lane 0.
    NIGHTJAR_OUTLINE void run(const Words<4>& scalar, const Element& u, Element& x, Element& z) {
        const Element last = F::template blend<lane_3>(F::spread(1, 0, 1, 0), u);
        const Element factor = F::spread(0, F::a24, 0, 0);
        Element p = F::template blend<lane_2>(F::spread(1, 0, 0, 1), u);
        Mask previous = F::none_set();
        typename F::Bits bits{};
        for (int bit = 254; bit >= 0; --bit) {
            bits = clamped(bits, bit, scalar);
            const auto current = F::top_bits(bits);
            const Mask swap = current ^ previous;
            previous = current;
            bits += bits;

            const Element all = F::sums(p, F::swap_neighbours(p));
            const Element r =
                F::mul(F::ordered(all, F::halves(swap)), F::ordered(all, F::ends_inside(swap)));
            const Element exchanged = F::swap_neighbours(r);
            const Element left = F::template blend<lane_0>(F::sums(r, exchanged), r);
            const Element right =
                F::template blend<lane_1>(F::template blend<lane_0>(left, exchanged), factor);
            const Element q = F::mul(left, right);
            p = F::mul(F::template blend<lane_1>(q, left),
                       F::template blend<lane_1>(last, F::sum(exchanged, q)));
        }
        // The last bit is clear, so the points are not exchanged.
        x = p;
        z = F::swap_neighbours(p);
    }

 private:
    /// Words whose top bit is number `bit` of the clamped scalar: bit 255 is clear, bit 254 set,
    /// and bits 2 to 0 are clear. `bit` is no secret.
    NIGHTJAR_INLINE typename F::Bits clamped(typename F::Bits bits, int bit,
                                             const Words<4>& scalar) {
        if (bit == 254) return ~typename F::Bits{};
        if (bit == 2) return typename F::Bits{};
        if (bit == 253) {
            scalar.load(bits, 3);
            return bits << 2;
        }
        if (bit % 64 == 63) scalar.load(bits, bit / 64);
        return bits;
    }
};

template <class F>
NIGHTJAR_OUTLINE void multiply_one(const Multiplication& one) {
    Words<4> scalar, point, product;
    for (std::size_t lane = 0; lane < 4; ++lane) {
        scalar.set(lane, one.scalar);
        point.set(lane, one.point);
    }
    typename F::Element x, z;
    Alone<F>::run(scalar, F::unpack(point), x, z);
    // The power that stands for the inverse is zero for zero, and so is the product.
    F::pack(product, times<F>(x, invert<F>(z)));
    product.get(0, one.product);
    sodium_memzero(&x, sizeof x);
    sodium_memzero(&z, sizeof z);
}

/// A whole call, including the wipe.
template <class F>
void multiply_alone(const Multiplication& one) {
    multiply_one<F>(one);
    wipe_frames_of_a_call<Words<4>>();
}

}  // namespace

}  // namespace nightjar::crypto
