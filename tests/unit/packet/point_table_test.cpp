// Compares multiplication by tables of node keys with libsodium. Also tests the IFMA kernel's
// arithmetic in lanes of plain C++, for processors without these instructions.
#include <doctest/doctest.h>
#include <sodium.h>

#include <memory>

#include "sphinx/crypto/curve.hpp"
#include "sphinx/crypto/scalar_chain.hpp"
#include "sphinx/packet/known_keys.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/support/kernels.hpp"

#include "sphinx/crypto/point_table_lanes.hpp"
#include "sphinx/crypto/x25519_ifma_field.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

using Bytes32 = base::ByteArray<32>;

/// The operations for which x25519_ifma.cpp uses instructions.
struct PlainLanes {
    static constexpr int lanes = 4;
    typedef Word V __attribute__((vector_size(32)));
    using Double = unsigned __int128;
    static constexpr Word bits52 = (Word{1} << 52) - 1;

    static V low(V sum, V a, V b) {
        for (int i = 0; i < lanes; ++i)
            sum[i] += static_cast<Word>(Double{a[i] & bits52} * (b[i] & bits52)) & bits52;
        return sum;
    }
    static V high(V sum, V a, V b) {
        for (int i = 0; i < lanes; ++i)
            sum[i] += static_cast<Word>(Double{a[i] & bits52} * (b[i] & bits52) >> 52);
        return sum;
    }
    static V pick(V a, V b, std::uint8_t take_b) {
        for (int i = 0; i < lanes; ++i)
            a[i] = take_b >> i & 1 ? b[i] : a[i];
        return a;
    }
    static std::uint8_t top_bits(V a) {
        unsigned mask = 0;
        for (int i = 0; i < lanes; ++i)
            mask |= static_cast<unsigned>(a[i] >> 63) << i;
        return static_cast<std::uint8_t>(mask);
    }
    static std::uint8_t zeros(V a) {
        unsigned mask = 0;
        for (int i = 0; i < lanes; ++i)
            mask |= static_cast<unsigned>(a[i] == 0) << i;
        return static_cast<std::uint8_t>(mask);
    }
};
using PlainField = Field<PlainLanes>;

/// An implementation of tables: a kernel of this machine, or the plain lanes.
struct Tables {
    std::string name;
    bool (*tabulate)(PointTable&, const LiftedPoint&);
    void (*multiply)(const TableMultiplication*, std::size_t);
};
std::vector<Tables> all_tables() {
    std::vector<Tables> all{{"the IFMA field in plain lanes", Comb<PlainField>::tabulate,
                             multiply_by_tables<PlainField>}};
    if (available(Kernel::avx2)) all.push_back({"avx2", tabulate_avx2, multiply_tables_avx2});
    if (available(Kernel::ifma)) all.push_back({"ifma", tabulate_ifma, multiply_tables_ifma});
    return all;
}

struct Case {
    base::Secret<32> odd;  // the scalar, as the table needs it
    PublicKey key;
    Bytes32 expected;  // libsodium's product with the clamped scalar
};

/// Random points of the curve, of order l, 2 l, 4 l and 8 l.
std::vector<Case> cases(base::Random& random, std::size_t count) {
    std::vector<Case> made;
    while (made.size() < count) {
        const auto key = random.id<PublicKey>();
        if (!on_curve(key)) continue;
        SecretKey x, b;
        random.fill(x.span());
        random.fill(b.span());
        ScalarChain chain{x};
        if (made.size() % 2 == 0) chain.append(b);
        const auto shared = agree(chain.scalar(), key);
        REQUIRE(shared);
        auto& one = made.emplace_back(Case{chain.odd_eighth(), key, {}});
        std::copy_n(shared->data(), 32, one.expected.begin());
    }
    return made;
}

/// The number of products that differ, over call sizes from 1 to `size_max` in turn.
std::size_t differences(const Tables& tables, const std::vector<Case>& all, std::size_t size_max) {
    std::vector<PointTable> made(all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto x = edwards_x(all[i].key);
        REQUIRE(x);
        REQUIRE(tables.tabulate(made[i], {all[i].key.bytes.data(), x->data()}));
    }
    std::size_t different = 0;
    for (std::size_t first = 0, size = 1; first < all.size(); first += size) {
        if (first > 0) size = size % size_max + 1;
        size = std::min(size, all.size() - first);
        std::vector<Bytes32> products(size);
        std::vector<TableMultiplication> batch;
        for (std::size_t i = 0; i < size; ++i)
            batch.push_back({all[first + i].odd.data(), &made[first + i], products[i].data()});
        tables.multiply(batch.data(), size);
        for (std::size_t i = 0; i < size; ++i)
            different += products[i] != all[first + i].expected;
    }
    return different;
}

Bytes32 filled(std::uint8_t value) {
    Bytes32 bytes;
    bytes.fill(value);
    return bytes;
}

}  // namespace

TEST_CASE("tables: 10,000 products at every call size are libsodium's") {
    base::SeededRandom random{31};
    const auto all = cases(random, 10'000);
    for (const auto& tables : all_tables()) {
        CAPTURE(tables.name);
        const bool plain = tables.name != "avx2" && tables.name != "ifma";
        std::vector<Case> some;
        for (std::size_t i = 0; i < (plain ? 200 : all.size()); ++i)
            some.push_back({all[i].odd.copy(), all[i].key, all[i].expected});
        CHECK(differences(tables, some, plain ? 9 : x25519_call_max) == 0);
    }
}

TEST_CASE("tables: scalars at the ends of their range, of the base point") {
    // 1, 3, l - 2, all digits 15, all digits -15 except the last, and equal nibbles.
    std::vector<Bytes32> scalars{{1}, {3}, {}, filled(0xff), {1}, filled(0x11), filled(0x77)};
    const Bytes32 two{2};
    crypto_core_ed25519_scalar_negate(scalars[2].data(), two.data());
    scalars[4][31] = 0x10;
    // u = 9 in each of its forms below 2^256: 9 and p + 9, with and without the top bit.
    std::vector<PublicKey> forms(4);
    forms[0].bytes[0] = forms[1].bytes[0] = 9;
    forms[2].bytes = forms[3].bytes = filled(0xff);
    forms[2].bytes[0] = forms[3].bytes[0] = 0xf6;
    forms[1].bytes[31] = 0x80;
    forms[2].bytes[31] = 0x7f;
    for (std::size_t i = 0; i < forms.size() * all_tables().size(); ++i) {
        const auto tables = all_tables()[i / forms.size()];
        const auto& form = forms[i % forms.size()];
        CAPTURE(tables.name);
        CAPTURE(base::to_hex(form.bytes));
        const auto x = edwards_x(form);
        REQUIRE(x);
        auto table = std::make_unique<PointTable>();
        REQUIRE(tables.tabulate(*table, {form.bytes.data(), x->data()}));
        for (const auto& scalar : scalars) {
            base::ByteArray<64> wide{};
            std::copy(scalar.begin(), scalar.end(), wide.begin());
            Bytes32 t, eight_t, edwards, expected, product;
            const Bytes32 eight{8};
            crypto_core_ed25519_scalar_reduce(t.data(), wide.data());
            crypto_core_ed25519_scalar_mul(eight_t.data(), t.data(), eight.data());
            REQUIRE(crypto_scalarmult_ed25519_base_noclamp(edwards.data(), eight_t.data()) == 0);
            REQUIRE(crypto_sign_ed25519_pk_to_curve25519(expected.data(), edwards.data()) == 0);
            const TableMultiplication one{scalar.data(), table.get(), product.data()};
            tables.multiply(&one, 1);
            CHECK(product == expected);
        }
    }
}

TEST_CASE("tables: points of low order and of the twist get none") {
    // The curve's points of order 1, 2, 4 and 8, canonical and not, with and without the top bit.
    std::vector<std::string> low{
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    testing::with_every_kernel([&](Kernel) {
        auto& known = KnownKeys::of_this_thread();
        known.begin_batch();
        for (const auto& hex : low) {
            CAPTURE(hex);
            auto key = *PublicKey::from(*base::from_hex(hex));
            for (int top = 0; top < 2; ++top, key.bytes[31] |= 0x80) {
                const auto found = known.find(key);
                REQUIRE_FALSE(found);
                CHECK(found.error() == Error::low_order);
            }
        }
        const auto twisted = known.find(PublicKey{{2}});
        REQUIRE_FALSE(twisted);
        CHECK(twisted.error() == Error::bad_key);
    });
    for (const auto& tables : all_tables()) {
        auto table = std::make_unique<PointTable>();
        for (const auto& hex : low) {
            const auto key = *PublicKey::from(*base::from_hex(hex));
            const auto x = edwards_x(key);
            if (x) CHECK_FALSE(tables.tabulate(*table, {key.bytes.data(), x->data()}));
        }
    }
}

TEST_CASE("tables: more keys than are remembered, and kernels that take turns") {
    base::SeededRandom random{33};
    std::vector<Hop> route;
    for (std::size_t i = 0; i < max_hops; ++i)
        route.push_back({random.id<base::NodeId>(), generate_key_pair(random).public_key, i});
    const auto drawn = HeaderRandomness::draw(random);
    std::optional<base::Bytes> first;
    for (std::size_t round = 0; round < 3; ++round) {
        testing::with_every_kernel([&](Kernel kernel) {
            const auto built = build(Version::v260, route, {}, {}, {}, 99, drawn);
            REQUIRE(built);
            if (!first) first = *built;
            CHECK(*built == *first);
            // Each table belongs to the kernel in force.
            auto& known = KnownKeys::of_this_thread();
            const auto table = known.find(route[0].key);
            REQUIRE(table);
            CHECK((*table == nullptr) == (kernel == Kernel::portable));
            for (std::size_t i = 0; i <= KnownKeys::size_max && round == 1; ++i)
                REQUIRE(known.find(generate_key_pair(random).public_key));
        });
    }
}

TEST_CASE("tables: the kernel that made them multiplies, also when another is forced meanwhile") {
    base::SeededRandom random{35};
    const auto one = std::move(cases(random, 1)[0]);
    testing::with_every_kernel([&](Kernel kernel) {
        if (kernel == Kernel::portable) return;
        auto& known = KnownKeys::of_this_thread();
        known.begin_batch();
        const auto table = known.find(one.key);
        REQUIRE(table);
        testing::with_every_kernel([&](Kernel) {
            Bytes32 product{};
            const TableMultiplication by{one.odd.data(), *table, product.data()};
            known.multiply(std::span{&by, 1});
            CHECK(product == one.expected);
        });
    });
}

TEST_CASE("the IFMA field in plain lanes: the ladder gives libsodium's products") {
    base::SeededRandom random{34};
    for (std::size_t size : {1, 2, 3, 4, 5, 9}) {
        for (int round = 0; round < 8; ++round) {
            std::vector<Bytes32> scalars(size), points(size), products(size);
            std::vector<Multiplication> batch;
            for (std::size_t i = 0; i < size; ++i) {
                random.fill(scalars[i]);
                random.fill(points[i]);
                if (round == 1) points[i] = filled(i % 2 ? 0xff : 0x00);  // near p, and zero
                if (round == 2) scalars[i] = filled(i % 2 ? 0xff : 0x00);
                batch.push_back({scalars[i].data(), points[i].data(), products[i].data()});
            }
            multiply_in_lanes<PlainField>(batch.data(), size);
            for (std::size_t i = 0; i < size; ++i) {
                Bytes32 expected{};
                if (crypto_scalarmult(expected.data(), scalars[i].data(), points[i].data()) != 0)
                    expected = {};
                CHECK(products[i] == expected);
            }
        }
    }
}
