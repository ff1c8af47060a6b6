// The product of the sender's secret and the blinding factors so far, kept modulo the order l of
// the curve's prime subgroup: one multiplication of a point per hop instead of one per factor.
// Internal to sphinx/packet.
#pragma once

#include "sphinx/packet/keys.hpp"

namespace nightjar::packet {

class ScalarChain {
 public:
    /// Starts at the sender's secret, clamped.
    explicit ScalarChain(const SecretKey& initial);

    /// Appends a blinding factor, clamped.
    void append(const base::Secret<32>& blinding);

    /// A clamped scalar k with k P = +-(the product of all) P for every P of the curve, of any
    /// order; u coordinates have no sign. Not so for points of the twist, whose order differs.
    base::Secret<32> scalar() const;

    /// The odd one of t and l - t, where 8 t is the product: what tables multiply 8 P by, up to the
    /// sign again.
    base::Secret<32> odd_eighth() const;

 private:
    base::Secret<32> eighth_;  // the product, divided by 8 modulo l
};

}  // namespace nightjar::packet
