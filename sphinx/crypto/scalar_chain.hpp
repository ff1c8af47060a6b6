// The product of the sender's secret and the blinding factors so far, modulo the order l of the
// curve's prime subgroup. It saves work: one point multiplication per hop instead of one per
// factor. Internal to sphinx/packet.
#pragma once

#include "sphinx/base/secret.hpp"

namespace nightjar::crypto {

class ScalarChain {
 public:
    /// Starts with the sender's secret, clamped.
    explicit ScalarChain(const base::Secret<32>& initial);

    /// Multiplies by a blinding factor, clamped.
    void append(const base::Secret<32>& blinding);

    /// A clamped scalar k with k P = ±(product) P for every point P of the curve, of any order; the
    /// sign does not matter, because u coordinates have none. This does not hold for points of the
    /// twist, whose order differs.
    base::Secret<32> scalar() const;

    /// The odd one of t and l - t, where the product is 8 t. It is the scalar for tables, which
    /// multiply 8 P, again up to the sign.
    base::Secret<32> odd_eighth() const;

 private:
    base::Secret<32> eighth_;  // the product, divided by 8 modulo l
};

}  // namespace nightjar::crypto
