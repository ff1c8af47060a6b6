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

    /// w0 + w1, w0 - w1, w2 + w3, w2 - w3
    NIGHTJAR_INLINE Element sums(const Element& w) {
        const Element n = F::swap_neighbours(w);
        return F::pick(F::sum(n, w), F::difference(n, w), F::lanes_set(0, 1, 0, 1));
    }

    /// The lanes of `u` and the words of `scalar` are equal. x and z are in lane 0.
    NIGHTJAR_OUTLINE void run(const Words<4>& scalar, const Element& u, Element& x, Element& z) {
        const Mask lane_0 = F::lanes_set(1, 0, 0, 0), lane_1 = F::lanes_set(0, 1, 0, 0);
        const Element last = F::pick(F::spread(1, 0, 1, 0), u, F::lanes_set(0, 0, 0, 1));
        const Element factor = F::spread(0, F::a24, 0, 0);
        Element p = F::pick(F::spread(1, 0, 0, 1), u, F::lanes_set(0, 0, 1, 0));
        // A clamped scalar has bit 254 set, bit 255 clear, and bits 2 to 0 clear.
        Mask previous = F::lanes_set(0, 0, 0, 0);
        typename F::Bits bits;
        for (int bit = 254; bit >= 0; --bit) {
            if (bit == 254) {
                bits = F::lanes_set(1, 1, 1, 1);
            } else if (bit == 253) {
                scalar.load(bits, 3);
                bits <<= 2;
            } else if (bit % 64 == 63) {
                scalar.load(bits, bit / 64);
            } else if (bit == 2) {
                bits = F::lanes_set(0, 0, 0, 0);
            }
            const auto current = F::top_bits(bits);
            const Mask swap = current ^ previous;
            previous = current;
            bits += bits;

            const Element all = sums(p);
            const Element abcd = F::pick(all, F::swap_halves(all), swap);
            const Element r = F::mul(abcd, F::ends_inside(abcd));
            const Element left = F::pick(sums(r), r, lane_0);
            const Element exchanged = F::swap_neighbours(r);
            const Element right = F::pick(F::pick(left, exchanged, lane_0), factor, lane_1);
            const Element q = F::mul(left, right);
            p = F::mul(F::pick(q, left, lane_1), F::pick(last, F::sum(exchanged, q), lane_1));
        }
        // The last bit is clear, so the points are not exchanged.
        x = p;
        z = F::swap_neighbours(p);
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
