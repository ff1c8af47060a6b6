// One multiplication in four lanes, with a table of multiples of the point: a node's key is valid
// for an epoch, and a sender multiplies it many times. Works over the fields of the vector kernels
// (F as in x25519_ladder.hpp, plus `doubled` and exchanges of lanes).
//
// The point is converted to the Edwards form -x^2 + y^2 = 1 + d x^2 y^2, whose addition is
// complete: there are no special cases. Let Q be eight times the point. An odd t is written as 64
// odd digits of radix 16, from -15 to 15: with c = (t + 2^256 - 1) / 2, the four bits c_i stand for
// the digit 2 c_i - 15. Lane l handles the digits of word l of c. Group i of the table holds in
// lane l the multiples 1, 3, … 15 of 2^(64 l + 16 i) Q. So 16 additions and 12 doublings process
// all digits, and two more additions join the lanes.
//
// Constant time: every access reads a whole group, and the bits of the digit select from what was
// read.
#pragma once

#include "sphinx/crypto/x25519_ladder.hpp"

namespace nightjar::crypto {

namespace {

template <class F>
struct Comb {
    using Narrow = typename F::Narrow;
    using Wide = typename F::Wide;
    using Mask = typename F::Mask;
    static_assert(F::lanes == 4);

    /// (x : y : z : t) with x y = z t, as y + x, y - x, z (biased) and t.
    struct Point {
        Narrow sum, difference;
        Wide z;
        Narrow t;
    };
    /// The precomputed part of a point to add. The scale of its coordinates depends on the use.
    struct Entry {
        Narrow sum, difference, t;
    };
    struct Addend {
        Entry entry;  // y + x, y - x, 2 d t
        Narrow z;     // 2 z
    };
    static constexpr int groups = 4, multiples = 8;
    struct Table {
        Entry odd[groups][multiples];  // (y + x) / 2, (y - x) / 2 and d x y of points with z = 1
        Narrow twice_d;
    };
    static_assert(sizeof(Table) <= sizeof(PointTable) && alignof(Table) <= alignof(PointTable));

    /// The four factors whose products are a point: x = e f, y = g h, z = f g, t = e h.
    struct Factors {
        Narrow e, f, g, h;
    };
    NIGHTJAR_INLINE Point product(const Factors& by) {
        const Wide x = F::mul(by.e, by.f);
        const Wide y = F::mul_biased(by.g, by.h);
        return {F::sum(y, x), F::difference(y, x), F::mul_biased(by.f, by.g),
                F::carry(F::mul(by.e, by.h))};
    }
    /// Precondition: z biased.
    NIGHTJAR_INLINE Factors meet(const Point& p, const Entry& q, const Wide& z) {
        const Wide a = F::mul(p.difference, q.difference);
        const Wide b = F::mul_biased(p.sum, q.sum);
        const Wide c = F::mul(p.t, q.t);
        return {F::difference(b, a), F::difference(z, c), F::sum(z, c), F::sum(b, a)};
    }
    NIGHTJAR_INLINE Factors meet(const Point& p, const Addend& q) {
        return meet(p, q.entry, F::mul_biased(F::carry(p.z), q.z));
    }
    NIGHTJAR_OUTLINE Point added(const Point& p, const Addend& q) { return product(meet(p, q)); }

    // Twice the usual formula, f and h negated: what is doubled are y + x and y - x.
    NIGHTJAR_OUTLINE Point twice(const Point& p, int times_over) {
        Point r = p;
        for (; times_over > 0; --times_over) {
            const Wide ss = F::sqr_biased(r.sum);
            const Wide dd = F::sqr(r.difference);
            const Wide sd = F::mul(r.sum, r.difference);
            const Wide zz = F::sqr_biased(F::sum(r.z, r.z));  // 4 z^2
            r = product({F::difference(ss, dd), F::difference(zz, F::doubled(sd)), F::sum(sd, sd),
                         F::sum(ss, dd)});
        }
        return r;
    }
    NIGHTJAR_INLINE Addend addend(const Point& p, const Narrow& twice_d) {
        return {{p.sum, p.difference, F::carry(F::mul(p.t, twice_d))}, F::sum(p.z, p.z)};
    }

    NIGHTJAR_INLINE Entry pick(const Entry& a, const Entry& b, const Mask& take_b) {
        return {F::pick(a.sum, b.sum, take_b), F::pick(a.difference, b.difference, take_b),
                F::pick(a.t, b.t, take_b)};
    }
    /// Each lane's bit at `place`, in the form that pick() takes.
    NIGHTJAR_INLINE Mask bit(const typename F::Bits& words, int place) {
        return F::top_bits(words << (63 - place));
    }

    /// p += digit * group. The digit of each lane is the four bits of its word from `place` on.
    NIGHTJAR_OUTLINE void add_digit(Point& p, const Entry (&group)[multiples],
                                    const typename F::Bits& words, int place) {
        const Mask positive = bit(words, place + 3);
        const auto negative = static_cast<Mask>(positive ^ F::all_set());
        const auto low = static_cast<Mask>(bit(words, place) ^ negative);
        const auto middle = static_cast<Mask>(bit(words, place + 1) ^ negative);
        const auto high = static_cast<Mask>(bit(words, place + 2) ^ negative);
        const Entry first =
            pick(pick(group[0], group[1], low), pick(group[2], group[3], low), middle);
        const Entry second =
            pick(pick(group[4], group[5], low), pick(group[6], group[7], low), middle);
        const Entry q = pick(first, second, high);
        // The negative of a point has sum and difference exchanged, and -t, which exchanges f and
        // g.
        const Factors by = meet(
            p,
            {F::pick(q.sum, q.difference, negative), F::pick(q.difference, q.sum, negative), q.t},
            p.z);
        p = product({by.e, F::pick(by.f, by.g, negative), F::pick(by.g, by.f, negative), by.h});
    }

    NIGHTJAR_INLINE Point neutral() {
        const Wide one = F::mul_biased(F::one(), F::one());
        return {F::one(), F::one(), one, Narrow{}};
    }
    /// The neutral element has y = z; all lanes are equal.
    NIGHTJAR_INLINE void ratio(const Factors& by, Narrow& numerator, Narrow& denominator) {
        const Wide z = F::mul_biased(by.f, by.g);
        const Wide y = F::mul(by.g, by.h);
        numerator = F::sum(z, y);
        denominator = F::difference(z, y);
    }

    /// t Q in every lane, as u = numerator / denominator.
    NIGHTJAR_OUTLINE void multiply(const Words<4>& digits, const Table& table, Narrow& numerator,
                                   Narrow& denominator) {
        typename F::Bits words;
        load_transposed(digits, words);
        Point p = neutral();
        for (int step = 3; step >= 0; --step) {
            if (step != 3) p = twice(p, 4);
            for (int i = 0; i < groups; ++i)
                add_digit(p, table.odd[i], words, 16 * i + 4 * step);
        }
        const Addend other = addend(p, table.twice_d);
        p = added(p, {{F::swap_halves(other.entry.sum), F::swap_halves(other.entry.difference),
                       F::swap_halves(other.entry.t)},
                      F::swap_halves(other.z)});
        const Addend rest = addend(p, table.twice_d);
        ratio(
            meet(p, {{F::swap_neighbours(rest.entry.sum), F::swap_neighbours(rest.entry.difference),
                      F::swap_neighbours(rest.entry.t)},
                     F::swap_neighbours(rest.z)}),
            numerator, denominator);
    }
    /// Puts word l into lane l: `digits` has only the words of lane 0.
    NIGHTJAR_INLINE void load_transposed(const Words<4>& digits, typename F::Bits& words) {
        Words<4> turned;
        for (int i = 0; i < 4; ++i)
            turned.w[0][i] = digits.w[i][0];
        turned.load(words, 0);
    }

    static Narrow everywhere(const std::uint8_t* bytes) {
        Words<4> words;
        for (std::size_t lane = 0; lane < 4; ++lane)
            words.set(lane, bytes);
        return F::carry(F::mul(F::unpack(words), F::one()));
    }
    /// Multiplies lane l by 2^(64 l).
    static void spread(Point& p) {
        for (std::size_t from = 1; from < 4; ++from) {
            const Point later = twice(p, 64);
            Words<4> lanes;
            for (std::size_t lane = from; lane < 4; ++lane)
                lanes.w[0][lane] = ~std::uint64_t{0};
            typename F::Bits bits;
            lanes.load(bits, 0);
            const auto take = F::top_bits(bits);
            p.sum = F::pick(p.sum, later.sum, take);
            p.difference = F::pick(p.difference, later.difference, take);
            p.z = F::mul_biased(F::pick(F::carry(p.z), F::carry(later.z), take), F::one());
            p.t = F::pick(p.t, later.t, take);
        }
    }

    /// Fills the table. Returns false if the point is of low order.
    static bool tabulate(PointTable& out, const LiftedPoint& from) {
        constexpr std::uint8_t d_bytes[32] = {0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75,
                                              0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00,
                                              0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c,
                                              0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52};
        constexpr std::uint8_t half_bytes[32] = {0xf7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f};
        auto& table = *reinterpret_cast<Table*>(out.bytes);
        const Narrow d = everywhere(d_bytes), half = everywhere(half_bytes);
        table.twice_d = F::carry(F::doubled(F::mul(d, F::one())));

        // y = (u - 1) / (u + 1), so z = u + 1; t = x (u - 1).
        Words<4> u;
        for (std::size_t lane = 0; lane < 4; ++lane)
            u.set(lane, from.u);
        const auto around = F::around_one(F::unpack(u));
        const Narrow x = everywhere(from.x);
        Point p = twice(product({x, around.plus, F::one(), around.minus}), 3);
        const Narrow gap =
            F::difference(F::mul_biased(p.sum, F::one()), F::mul(p.difference, F::one()));
        if (any(F::is_zero(gap))) return false;  // eight times the point has x = 0: neutral

        spread(p);
        Narrow z[groups * multiples], prefix[groups * multiples];
        for (int i = 0; i < groups; ++i) {
            if (i > 0) p = twice(p, 16);
            const Addend two = addend(twice(p, 1), table.twice_d);
            Point multiple = p;
            for (int k = 0; k < multiples; ++k) {
                if (k > 0) multiple = added(multiple, two);
                const int at = i * multiples + k;
                table.odd[i][k] = {multiple.sum, multiple.difference, multiple.t};
                z[at] = F::carry(multiple.z);
                prefix[at] = at == 0 ? z[0] : times<F>(prefix[at - 1], z[at]);
            }
        }
        Narrow inverse = invert<F>(prefix[groups * multiples - 1]);
        for (int at = groups * multiples; at-- > 0;) {
            const Narrow one_over = at == 0 ? inverse : times<F>(inverse, prefix[at - 1]);
            inverse = times<F>(inverse, z[at]);
            Entry& entry = table.odd[at / multiples][at % multiples];
            const Narrow scale = times<F>(one_over, half);
            entry.sum = times<F>(entry.sum, scale);
            entry.difference = times<F>(entry.difference, scale);
            entry.t = times<F>(entry.t, times<F>(one_over, d));
        }
        return true;
    }
    static bool any(std::uint8_t mask) { return mask != 0; }
    template <class V>
    static bool any(const V& mask) {
        return (mask[0] | mask[1] | mask[2] | mask[3]) >> 63 != 0;
    }
};

template <class F>
struct TablesWork {
    typename F::Narrow numerator[x25519_call_max], denominator[x25519_call_max],
        prefix[x25519_call_max], inverse;
};

/// All multiplications share one inversion.
template <class F>
NIGHTJAR_OUTLINE void multiply_each_by_table(const TableMultiplication* batch, std::size_t count) {
    using Narrow = typename F::Narrow;
    TablesWork<F> work;
    for (std::size_t i = 0; i < count; ++i) {
        // (t + 2^256 - 1) / 2
        Words<4> digits;
        digits.set(0, batch[i].odd_scalar);
        for (int w = 0; w < 4; ++w)
            digits.w[w][0] = digits.w[w][0] >> 1 | (w < 3 ? digits.w[w + 1][0] : 1) << 63;
        Comb<F>::multiply(digits,
                          *reinterpret_cast<const typename Comb<F>::Table*>(batch[i].table->bytes),
                          work.numerator[i], work.denominator[i]);
        work.prefix[i] =
            i == 0 ? work.denominator[0] : times<F>(work.prefix[i - 1], work.denominator[i]);
    }
    work.inverse = invert<F>(work.prefix[count - 1]);
    for (std::size_t i = count; i-- > 0;) {
        const Narrow inverse = i == 0 ? work.inverse : times<F>(work.inverse, work.prefix[i - 1]);
        work.inverse = times<F>(work.inverse, work.denominator[i]);
        Words<4> products;
        F::pack(products, times<F>(work.numerator[i], inverse));
        products.get(0, batch[i].product);
    }
}

/// A whole call, including the wipe.
template <class F>
void multiply_by_tables(const TableMultiplication* batch, std::size_t count) {
    multiply_each_by_table<F>(batch, count);
    wipe_frames_of_a_call<TablesWork<F>>();
}

}  // namespace

}  // namespace nightjar::crypto
