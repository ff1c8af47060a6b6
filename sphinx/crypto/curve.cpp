#include "sphinx/crypto/curve.hpp"

#include <cstring>

namespace nightjar::crypto {

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

/// w^((p-5)/8) = w^(2^252 - 3). w_k is w^(2^k - 1).
Element root_power(const Element& w) {
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
    return squared(w_250, 2) * w;
}

Element unpack(const base::MixKey& key) {
    Word w[4];
    std::memcpy(w, key.bytes.data(), sizeof w);
    return {{w[0] & limb_mask, (w[0] >> 51 | w[1] << 13) & limb_mask,
             (w[1] >> 38 | w[2] << 26) & limb_mask, (w[2] >> 25 | w[3] << 39) & limb_mask,
             (w[3] >> 12) & limb_mask}};
}

/// -a. Precondition: limbs of a below 2^52, as a product leaves them.
Element negative(const Element& a) {
    Element r{{2 * (limb_mask - 18), 0, 0, 0, 0}};  // 2 p, limb by limb
    for (int i = 1; i < 5; ++i)
        r.v[i] = 2 * limb_mask;
    for (int i = 0; i < 5; ++i)
        r.v[i] -= a.v[i];
    return r;
}

bool is_zero(const Element& a) {
    // Two carries leave limbs below 2^51, and then zero has one of two forms: 0 or p.
    const Element r = a + Element{} + Element{};
    const bool all_zero = (r.v[0] | r.v[1] | r.v[2] | r.v[3] | r.v[4]) == 0;
    const bool is_p = r.v[0] == limb_mask - 18 && (r.v[1] & r.v[2] & r.v[3] & r.v[4]) == limb_mask;
    return all_zero || is_p;
}

/// Packs a representative below 2^255 (not necessarily the least), as the kernels accept.
base::ByteArray<32> pack(const Element& a) {
    const Element r = a + Element{} + Element{};
    const Word w[4] = {r.v[0] | r.v[1] << 51, r.v[1] >> 13 | r.v[2] << 38,
                       r.v[2] >> 26 | r.v[3] << 25, r.v[3] >> 39 | r.v[4] << 12};
    base::ByteArray<32> bytes;
    std::memcpy(bytes.data(), w, sizeof w);
    return bytes;
}

constexpr Element root_of_minus_one{
    {0x61b274a0ea0b0, 0x0d5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}};

}  // namespace

// On the curve v^2 = u (u^2 + a u + 1), the Edwards form has x^2 = -(a + 2) u / (u^2 + a u + 1).
// -(a + 2) is a square, so there is such an x for the points of the curve and for no other.
std::optional<base::ByteArray<32>> edwards_x(const base::MixKey& key) {
    const Element u = unpack(key);
    const Element n = negative(Element{{486664, 0, 0, 0, 0}} * u);
    const Element m = u * (u + Element{{486662, 0, 0, 0, 0}}) + Element{{1, 0, 0, 0, 0}};
    const Element m3 = m * m * m;
    const Element x = n * m3 * root_power(n * m3 * m3 * m);
    const Element square = x * x * m;
    if (is_zero(square + negative(n * Element{{1, 0, 0, 0, 0}}))) return pack(x);
    if (is_zero(square + n)) return pack(x * root_of_minus_one);
    return std::nullopt;
}

bool on_curve(const base::MixKey& key) {
    return edwards_x(key).has_value();
}

}  // namespace nightjar::crypto
