#include "sphinx/base/keyed_hash.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace nightjar;
using base::KeyedHash;

namespace {

/// Names as an attacker could choose them: they differ in few bits.
base::SessionId name(unsigned number) {
    base::SessionId id;
    id.bytes[0] = static_cast<std::uint8_t>(number);
    id.bytes[1] = static_cast<std::uint8_t>(number >> 8);
    return id;
}

}  // namespace

TEST_CASE("keyed hash: a name has one hash under a key, and another under another key") {
    base::SeededRandom random{1};
    const KeyedHash one{random}, other{random};
    const KeyedHash copy = one;
    unsigned equal = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        CHECK(one(name(i)) == copy(name(i)));
        equal += one(name(i)) == other(name(i)) ? 1 : 0;
    }
    CHECK(equal == 0);
}

TEST_CASE("keyed hash: chosen names fall evenly into a table's places") {
    base::SeededRandom random{2};
    const KeyedHash hash{random};
    constexpr unsigned names = 65'536, places = 256;
    std::vector<unsigned> counts(places);
    for (unsigned i = 0; i < names; ++i)
        ++counts[hash(name(i)) % places];
    double chi_square = 0;
    for (const auto count : counts)
        chi_square += std::pow(count - double{names} / places, 2) / (double{names} / places);
    CHECK(chi_square < 330.5);  // 255 degrees of freedom, p = 0.001
}
