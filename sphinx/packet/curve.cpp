#include "sphinx/packet/curve.hpp"

#include <cstring>

namespace nightjar::packet {

namespace {

using Word = std::uint64_t;
using Double = unsigned __int128;

// Five limbs of radix 2^51; a product takes limbs below 2^54.
constexpr Word limb_mask = (Word{1} << 51) - 1;
struct Element {
    Word v[5];
};

Element carry(const Double (&c)[5]) {
    Element r;
    Double over = 0;
    for (int i = 0; i < 5; ++i) {
        const Double sum = c[i] + over;
        r.v[i] = static_cast<Word>(sum) & limb_mask;
        over = sum >> 51;
    }
    r.v[0] += static_cast<Word>(over) * 19;  // below 2^63: columns are below 2^110
    r.v[1] += r.v[0] >> 51;
    r.v[0] &= limb_mask;
    return r;
}

Element operator*(const Element& a, const Element& b) {
    Double c[5] = {};
    for (int i = 0; i < 5; ++i) {
        for (int j = 0; j < 5; ++j)
            c[(i + j) % 5] += static_cast<Double>(a.v[i]) * (i + j < 5 ? b.v[j] : 19 * b.v[j]);
    }
    return carry(c);
}

Element operator+(const Element& a, const Element& b) {
    Double c[5];
    for (int i = 0; i < 5; ++i)
        c[i] = static_cast<Double>(a.v[i]) + b.v[i];
    return carry(c);
}

Element squared(Element a, int times_over) {
    for (; times_over > 0; --times_over)
        a = a * a;
    return a;
}

/// w^((p-1)/2) = w^(2^254 - 10): one for a square, minus one for no square. w_k is w^(2^k - 1).
Element euler(const Element& w) {
    const Element w_2 = squared(w, 1) * w;
    const Element w_4 = squared(w_2, 2) * w_2;
    const Element w_5 = squared(w_4, 1) * w;
    const Element w_10 = squared(w_5, 5) * w_5;
    const Element w_20 = squared(w_10, 10) * w_10;
    const Element w_40 = squared(w_20, 20) * w_20;
    const Element w_50 = squared(w_40, 10) * w_10;
    const Element w_100 = squared(w_50, 50) * w_50;
    const Element w_200 = squared(w_100, 100) * w_100;
    const Element w_250 = squared(w_200, 50) * w_50;
    return squared(w_250, 4) * squared(w_2, 1);
}

Element unpack(const PublicKey& key) {
    Word w[4];
    std::memcpy(w, key.bytes.data(), sizeof w);
    return {{w[0] & limb_mask, (w[0] >> 51 | w[1] << 13) & limb_mask,
             (w[1] >> 38 | w[2] << 26) & limb_mask, (w[2] >> 25 | w[3] << 39) & limb_mask,
             (w[3] >> 12) & limb_mask}};
}

/// Whether a is -1 mod p. Adding one gives zero, which has two forms below 2^255: 0 and p.
bool is_minus_one(const Element& a) {
    // Two carries of a + 1 leave limbs below 2^51, and with them one of those two forms.
    const Element one{{1, 0, 0, 0, 0}};
    const Element zero{};
    const Element r = a + one + zero + zero;
    const bool all_zero = (r.v[0] | r.v[1] | r.v[2] | r.v[3] | r.v[4]) == 0;
    const bool is_p = r.v[0] == limb_mask - 18 && (r.v[1] & r.v[2] & r.v[3] & r.v[4]) == limb_mask;
    return all_zero || is_p;
}

}  // namespace

bool on_curve(const PublicKey& key) {
    const Element u = unpack(key);
    const Element a{{486662, 0, 0, 0, 0}};
    const Element one{{1, 0, 0, 0, 0}};
    return !is_minus_one(euler(u * (u * (u + a) + one)));
}

}  // namespace nightjar::packet
