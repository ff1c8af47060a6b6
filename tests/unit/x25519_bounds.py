#!/usr/bin/env python3
"""Tracks the range of every limb through the formulas of both X25519 kernels.

The kernels are correct only while every intermediate value fits: vpmadd52 reads 52 bits and drops the
rest, a difference must stay positive, a double must stay exact. This script repeats the steps of
sphinx/crypto/x25519_ladder.hpp, x25519_alone.hpp and point_table_lanes.hpp on intervals until no interval grows any
more, and fails if a bound is broken. It also tests itself: with a bias that is too small, with a
missing carry, and with a limb that is too wide it must fail. Constants are read from the sources.
"""
import math
import re
import sys
from pathlib import Path

CRYPTO = Path(__file__).resolve().parent.parent.parent / "sphinx" / "crypto"
P = 2**255 - 19


class Broken(Exception):
    pass


def need(holds, what):
    if not holds:
        raise Broken(what)


def constant(text, pattern):
    return int(re.search(pattern, text).group(1))


# ---------------------------------------------------------------- IFMA: five limbs of 51 bits

class Ifma:
    def __init__(self, bias_shift=None, skip_carry=False, wide_input=False):
        text = (CRYPTO / "x25519_ifma_field.hpp").read_text()
        shift = constant(text, r"bias_other = limb_mask << (\d+)") if bias_shift is None else bias_shift
        need(constant(text, r"bias_first = \(limb_mask - 18\) << (\d+)") == 9 and "a24 = 121665" in text,
             "the constants have changed")
        self.mask = 2**51 - 1
        self.bias = [(self.mask - 18) << shift] + [self.mask << shift] * 4
        need(sum(b << 51 * i for i, b in enumerate(self.bias)) == P << shift, "the bias is a multiple of p")
        self.skip_carry = skip_carry
        self.u = [(0, self.mask if not wide_input else 2**52)] * 5

    def product(self, a, b, biased, square=False):
        for lo, hi in a + b:
            need(0 <= lo and hi < 2**52, "a factor has more than 52 bits")
        columns = [(0, 0)] * 10
        if biased:
            columns[:5] = [(x, x) for x in self.bias]
        for i in range(5):
            for j in range(5):
                low, high = a[i][0] * b[j][0], a[i][1] * b[j][1]
                halves = ((2 * (low >> 52), 2 * (high >> 52)), (0, min(high, 2**52 - 1)))
                if i + j + 1 == 9:
                    halves = ((low >> 52, high >> 52), halves[1])
                for k, (x, y) in ((i + j + 1, halves[0]), (i + j, halves[1])):
                    columns[k] = (columns[k][0] + x, columns[k][1] + y)
        result = []
        for k in range(5):
            factor = 38 if k == 4 else 19
            hi = columns[k][1] + factor * columns[k + 5][1]
            need(hi < 2**62, "a product is wider than 2^62")
            result.append((columns[k][0] + factor * columns[k + 5][0], hi))
        return result

    def carry(self, w):
        if self.skip_carry:
            return w
        need(19 * (w[4][1] >> 51) < 2**52, "the carry out of the top is too wide")
        over = [19 * (w[4][1] >> 51)] + [hi >> 51 for _, hi in w[:4]]
        return [(0, min(self.mask, hi) + c) for (_, hi), c in zip(w, over)]

    def mul(self, a, b):
        return self.product(a, b, False)

    def mul_biased(self, a, b):
        return self.product(a, b, True)

    def sum(self, a, b):
        need(all(x[1] + y[1] < 2**62 for x, y in zip(a, b)), "a sum is wider than 2^62")
        return self.carry([(x[0] + y[0], x[1] + y[1]) for x, y in zip(a, b)])

    def difference(self, a, b):
        need(all(x[0] >= y[1] for x, y in zip(a, b)), "a difference may be negative")
        return self.carry([(x[0] - y[1], x[1] - y[0]) for x, y in zip(a, b)])

    def doubled(self, a):
        need(all(x[1] < 2**61 for x in a), "a double is wider than 2^62")
        return [(2 * x[0], 2 * x[1]) for x in a]

    def one(self):
        return [(0, 1)] + [(0, 0)] * 4

    def zero(self):
        return [(0, 0)] * 5

    def bytes(self):
        return self.u

    def add_a24(self, a, e):
        high = [121665 * hi >> 52 for _, hi in e]
        over = [38 * high[4]] + [2 * h for h in high[:4]]
        wide = [(0, x[1] + min(121665 * y[1], 2**52 - 1) + o) for x, y, o in zip(a, e, over)]
        need(all(hi < 2**62 for _, hi in wide), "a + 121665 e is wider than 2^62")
        return self.carry(wide)

    def start(self):
        plus = [(0, self.u[0][1] + 1)] + self.u[1:]
        minus = self.carry([(b - (i == 0), x[1] + b - (i == 0))
                            for i, (x, b) in enumerate(zip(self.u, self.bias))])
        return plus, minus

    @staticmethod
    def join(a, b):
        return [(min(x[0], y[0]), max(x[1], y[1])) for x, y in zip(a, b)]

    def margin(self, state):
        return "narrow limbs at most 2^51 - 1 + " + ", ".join(
            str(max(e[i][1] for e in state) - self.mask) for i in (0, 1))


# ------------------------------------------------- AVX2: six limbs of 42.5 bits, exact in doubles

class Avx2:
    def __init__(self, skip_carry=False, wide_input=False):
        text = (CRYPTO / "x25519_avx2.cpp").read_text()
        found = re.search(r"exponent\[limbs \+ 1\] = \{([^}]*)\}", text).group(1)
        self.e = [int(x) for x in found.split(",")]
        need(self.e == [-(-85 * i // 2) for i in range(7)], "limb i is a multiple of 2^ceil(42.5 i)")
        self.skip_carry = skip_carry
        self.u = [2**(x if not wide_input else x + 12) for x in self.e[1:]]

    def exact(self, value, unit, what):
        need(value <= 2**53 * unit, what + " is not exact in a double")

    def reduce(self, high, low):
        if self.skip_carry:
            return [h + l for h, l in zip(high, low)]
        z = [low[0] + 19 * high[5] // 2**255 + 1] + [l + h for l, h in zip(low[1:], high)]
        over = []
        for j in range(6):
            self.exact(z[j], 2**self.e[j], "a column before its carry")
            need(z[j] < 2**(51 + self.e[j + 1]), "a carry leaves the rounding constant's binade")
            over.append(z[j] + 2**(self.e[j + 1] - 1))
        rest = [2**(self.e[j + 1] - 1) for j in range(6)]
        return [rest[0] + 19 * over[5] // 2**255 + 1] + [r + o for r, o in zip(rest[1:], over)]

    def mul(self, a, b):
        high, low = [0] * 6, [0] * 6
        for i in range(6):
            self.exact(19 * a[i], 2**self.e[i], "a wrapped factor")
            for j in range(6):
                k = (i + j) % 6
                product = a[i] * b[j] if i + j < 6 else 19 * a[i] * b[j] // 2**255 + 1
                need(self.e[i] + self.e[j] - (255 if i + j > 5 else 0) >= self.e[k], "units do not match")
                high[k] += product + 2**(self.e[k + 1] - 1)
                low[k] += 2**(self.e[k + 1] - 1)
        for k in range(6):
            need(high[k] < 2**(51 + self.e[k + 1]), "a column leaves the rounding constant's binade")
            self.exact(low[k], 2**self.e[k], "the sum of what was cut off")
        return self.reduce(high, low)

    mul_biased = mul

    def carry(self, a):
        return a

    def sum(self, a, b):
        for i, (x, y) in enumerate(zip(a, b)):
            self.exact(x + y, 2**self.e[i], "a sum")
        return [x + y for x, y in zip(a, b)]

    difference = sum

    def doubled(self, a):
        return self.sum(a, a)

    def one(self):
        return [1, 0, 0, 0, 0, 0]

    def zero(self):
        return [0] * 6

    def bytes(self):
        return self.u

    def add_a24(self, a, e):
        over = []
        for i in range(6):
            need(121665 * e[i] < 2**(51 + self.e[i + 1]), "121665 e leaves the binade")
            over.append(121665 * e[i] + 2**(self.e[i + 1] - 1))
        rest = [2**(self.e[i + 1] - 1) + a[i] for i in range(6)]
        return [rest[0] + 19 * over[5] // 2**255 + 1] + [r + o for r, o in zip(rest[1:], over)]

    def start(self):
        one = [1, 0, 0, 0, 0, 0]
        return self.sum(self.u, one), self.sum(self.u, one)

    @staticmethod
    def join(a, b):
        return [max(x, y) for x, y in zip(a, b)]

    def margin(self, state):
        return "limbs of the ladder's points below 2^%.2f units" % max(
            math.log2(x / 2**e) for element in state for x, e in zip(element, self.e))


# ----------------------------------------------------------------------- the ladder, once for both

def twice(f, total, difference):
    aa = f.mul_biased(total, total)
    bb = f.mul(difference, difference)
    a, e = f.carry(aa), f.difference(aa, bb)
    return f.mul_biased(a, f.carry(bb)), f.mul(e, f.add_a24(a, e))


def point(f, x, z):
    return f.sum(x, z), f.difference(x, z)


def ladder(f):
    other = f.start()
    chosen = point(f, *twice(f, *other))
    for _ in range(300):
        # Either point may be doubled, so the selected one is the union of both intervals.
        picked = tuple(f.join(x, y) for x, y in zip(chosen, other))
        da, cb = f.mul_biased(chosen[0], other[1]), f.mul(chosen[1], other[0])
        s, t = f.sum(da, cb), f.difference(da, cb)
        tt = f.carry(f.mul(t, t))
        now = point(f, *twice(f, *picked)) + point(f, f.mul_biased(s, s), f.mul(tt, f.u))
        joined = tuple(f.join(x, y) for x, y in zip(chosen + other, now))
        if joined == chosen + other:
            return f.margin(joined)
        chosen, other = joined[:2], joined[2:]
    raise Broken("no fixed point after 300 steps")


def alone(f):
    """x25519_alone.hpp. `p` joins its four lanes; the first one has the point itself."""
    p = None
    for _ in range(300):
        sums = f.sum(p, p) if p else f.sum(f.bytes(), f.one())
        r = f.mul(sums, sums)
        e = f.sum(r, r)
        q = f.join(f.join(f.mul(r, r), f.mul(e, [121665, 0, 0, 0, 0, 0])), f.mul(e, e))
        now = f.join(f.join(f.mul(q, f.one()), f.mul(e, f.sum(r, q))), f.mul(q, f.bytes()))
        joined = f.join(p, now) if p else now
        if joined == p:
            return f.margin((p,))
        p = joined
    raise Broken("no fixed point after 300 steps")


# ------------------------------------------------- tables of points in their Edwards form, likewise

def product(f, e, ff, g, h):
    x, y = f.mul(e, ff), f.mul_biased(g, h)
    return f.sum(y, x), f.difference(y, x), f.mul_biased(ff, g), f.carry(f.mul(e, h))


def meet(f, p, q, z):
    a, b, c = f.mul(p[1], q[1]), f.mul_biased(p[0], q[0]), f.mul(p[3], q[2])
    # The digit may have either sign, so f and g may be exchanged.
    both = f.join(f.difference(z, c), f.sum(z, c))
    return f.difference(b, a), both, both, f.sum(b, a)


def twice_point(f, p):
    ss, dd, sd = f.mul_biased(p[0], p[0]), f.mul(p[1], p[1]), f.mul(p[0], p[1])
    z = f.sum(p[2], p[2])
    zz = f.mul_biased(z, z)
    return product(f, f.difference(ss, dd), f.difference(zz, f.doubled(sd)), f.sum(sd, sd), f.sum(ss, dd))


def times(f, a, b):
    return f.carry(f.mul(a, b))


def tables(f):
    one, zero = f.one(), f.zero()
    constant_like = times(f, f.bytes(), one)
    around = f.start()
    p = product(f, constant_like, around[0], one, around[1])
    neutral = (one, one, f.mul_biased(one, one), zero)
    p = tuple(f.join(x, y) for x, y in zip(p, neutral))
    inverse = times(f, f.carry(p[2]), f.carry(p[2]))
    for _ in range(300):
        # Every point that occurs: doubled, added to a full point, added to a table entry.
        twice_d = f.carry(f.doubled(f.mul(constant_like, one)))
        addend = (p[0], p[1], f.carry(f.mul(p[3], twice_d)))
        full = meet(f, p, addend, f.mul_biased(f.carry(p[2]), f.sum(p[2], p[2])))
        narrow_z = f.carry(p[2])
        inverse = f.join(inverse, times(f, inverse, narrow_z))
        inverse = f.join(inverse, times(f, inverse, inverse))
        scale = times(f, inverse, constant_like)
        entry = tuple(times(f, x, scale) for x in (p[0], p[1], p[3]))
        entry = (f.join(entry[0], entry[1]), f.join(entry[0], entry[1]), entry[2])
        spread = f.mul_biased(narrow_z, one)
        now = [product(f, *full), product(f, *meet(f, p, entry, p[2])), twice_point(f, p),
               (p[0], p[1], spread, p[3])]
        joined = p
        for other in now:
            joined = tuple(f.join(x, y) for x, y in zip(joined, other))
        z, y = f.mul_biased(full[1], full[2]), f.mul(full[2], full[3])
        last = times(f, f.sum(z, y), inverse), times(f, f.difference(z, y), inverse)
        inverse = f.join(inverse, f.join(*last))
        if joined == p:
            return f.margin((p[0], p[1], p[3]))
        p = joined
    raise Broken("no fixed point after 300 steps")


def main():
    failed = 0
    for name, field in (("ifma", Ifma), ("avx2", Avx2)):
        for what, follow in (("ladder", ladder), ("tables", tables), ("alone", alone))[:2 + (name == "avx2")]:
            try:
                print(f"measured: {name}, {what}: {follow(field())}")
            except Broken as why:
                failed += 1
                print(f"{name}, {what}: {why}")
    breakages = (("ifma, bias of 128 p", lambda: Ifma(bias_shift=7)),
                 ("ifma, no carry", lambda: Ifma(skip_carry=True)),
                 ("ifma, a point of 52 bits a limb", lambda: Ifma(wide_input=True)),
                 ("avx2, no carry", lambda: Avx2(skip_carry=True)),
                 ("avx2, a point of 55 bits a limb", lambda: Avx2(wide_input=True)))
    for name, field in breakages:
        for follow in (ladder, tables, alone)[:2 + name.startswith("avx2")]:
            try:
                follow(field())
                failed += 1
                print(f"{name}: the broken bound was not detected")
            except Broken:
                pass
    total = 4 + 1 + 2 * len(breakages) + 2
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
