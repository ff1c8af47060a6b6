#include "sphinx/crypto/x25519_batch.hpp"

#include <doctest/doctest.h>
#include <sodium.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/crypto/x25519_kernels.hpp"
#include "tests/support/kernels.hpp"

using namespace nightjar;
using crypto::Multiplication;

namespace {

using Bytes32 = base::ByteArray<32>;

Bytes32 from_hex(const std::string& text) {
    const auto bytes = base::from_hex(text);
    REQUIRE(bytes);
    REQUIRE(bytes->size() == 32);
    Bytes32 out;
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

/// Every function for many multiplications: the dispatcher under each kernel, and each kernel
/// directly, at call sizes for which the dispatcher would choose another one.
struct Function {
    std::string name;
    void (*multiply)(const Multiplication*, std::size_t);
};
std::vector<Function> functions() {
    static const auto dispatch = [](const Multiplication* batch, std::size_t count) {
        crypto::multiply({batch, count});
    };
    std::vector<Function> all{{"dispatcher", dispatch}};
    if (crypto::available(crypto::Kernel::avx2))
        all.push_back({"avx2, four lanes", crypto::multiply_avx2_4});
    if (crypto::available(crypto::Kernel::ifma)) {
        all.push_back({"ifma, four lanes", crypto::multiply_ifma_4});
        all.push_back({"ifma, eight lanes", crypto::multiply_ifma_8});
    }
    return all;
}

struct Cases {
    std::vector<Bytes32> scalars, points, expected;

    void add(const Bytes32& scalar, const Bytes32& point) {
        scalars.push_back(scalar);
        points.push_back(point);
        Bytes32 product{};
        if (crypto_scalarmult(product.data(), scalar.data(), point.data()) != 0) product = {};
        expected.push_back(product);
    }
    std::size_t size() const { return scalars.size(); }

    /// Runs `count` cases from `first` on (wrapping around) and compares every product.
    bool agree(const Function& function, std::size_t first, std::size_t count) const {
        std::vector<Bytes32> products(count);
        std::vector<Multiplication> batch;
        for (std::size_t i = 0; i < count; ++i) {
            const auto at = (first + i) % size();
            batch.push_back({scalars[at].data(), points[at].data(), products[i].data()});
        }
        function.multiply(batch.data(), batch.size());
        for (std::size_t i = 0; i < count; ++i) {
            if (products[i] != expected[(first + i) % size()]) return false;
        }
        return true;
    }
};

Bytes32 filled(std::uint8_t value) {
    Bytes32 bytes;
    bytes.fill(value);
    return bytes;
}

/// Field elements near 0, p, 2^255 and limb borders, low-order points, and scalars of few bits.
Cases structured() {
    std::vector<Bytes32> points{filled(0), filled(0xff), filled(0x7f), filled(0x80), filled(0x55)};
    for (int low = 0; low < 20; ++low) {
        auto small = filled(0);
        small[0] = static_cast<std::uint8_t>(low);
        points.push_back(small);
        auto near_p = filled(0xff);  // p - 7 .. p + 12
        near_p[0] = static_cast<std::uint8_t>(0xe6 + low);
        near_p[31] = 0x7f;
        points.push_back(near_p);
    }
    for (int bit = 0; bit < 256; bit += 5) {
        auto one_bit = filled(0);
        one_bit[bit / 8] = static_cast<std::uint8_t>(1 << bit % 8);
        points.push_back(one_bit);
        auto ones_below = filled(0);
        for (int b = 0; b < bit; ++b)
            ones_below[b / 8] |= static_cast<std::uint8_t>(1 << b % 8);
        points.push_back(ones_below);
    }
    points.push_back(from_hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"));
    points.push_back(from_hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"));
    const std::vector<Bytes32> scalars{filled(0), filled(0xff), filled(0xaa), filled(0x0f)};
    Cases cases;
    for (std::size_t i = 0; i < points.size(); ++i)
        cases.add(scalars[i % scalars.size()], points[i]);
    return cases;
}

Cases random_cases(std::size_t count) {
    base::SeededRandom random{25519};
    Cases cases;
    for (std::size_t i = 0; i < count; ++i) {
        Bytes32 scalar, point;
        random.fill(scalar);
        random.fill(point);
        cases.add(scalar, point);
    }
    return cases;
}

}  // namespace

TEST_CASE("X25519: every call size and every lane against libsodium, 10,000 random inputs") {
    const auto cases = random_cases(10'000);
    testing::with_every_kernel([&](crypto::Kernel) {
        for (std::size_t first = 0, size = 1; first < cases.size();
             first += size, size = size % crypto::x25519_call_max + 1)
            CHECK(cases.agree({"dispatcher", functions()[0].multiply}, first, size));
    });
    for (const auto& function : functions()) {
        CAPTURE(function.name);
        for (std::size_t size = 1; size <= crypto::x25519_call_max; ++size)
            CHECK(cases.agree(function, 100 * size, size));
    }
}

TEST_CASE("X25519: more than one call's worth at once") {
    const auto cases = random_cases(200);
    testing::with_every_kernel(
        [&](crypto::Kernel) { CHECK(cases.agree(functions()[0], 0, cases.size())); });
}

TEST_CASE("X25519: structured extremes, each in every lane") {
    const auto cases = structured();
    for (const auto& function : functions()) {
        CAPTURE(function.name);
        for (std::size_t first = 0; first < cases.size(); ++first)
            CHECK(cases.agree(function, first, 9));
    }
}

TEST_CASE("X25519: a point of low order is zero and spoils no other lane") {
    auto cases = random_cases(64);
    for (std::size_t bad = 0; bad < 64; ++bad) {
        Cases with_zero = cases;
        with_zero.points[bad] = filled(0);
        with_zero.expected[bad] = filled(0);
        for (const auto& function : functions()) {
            CAPTURE(function.name);
            CHECK(with_zero.agree(function, 0, 64));
        }
    }
}

TEST_CASE("X25519: RFC 7748, a thousand times over, in every lane") {
    for (const auto& function : functions()) {
        CAPTURE(function.name);
        constexpr std::size_t lanes = 8;
        std::array<Bytes32, lanes> k, u;
        k.fill(from_hex("0900000000000000000000000000000000000000000000000000000000000000"));
        u = k;
        for (int round = 0; round < 1000; ++round) {
            std::array<Bytes32, lanes> products;
            std::vector<Multiplication> batch;
            for (std::size_t i = 0; i < lanes; ++i)
                batch.push_back({k[i].data(), u[i].data(), products[i].data()});
            function.multiply(batch.data(), batch.size());
            u = k;
            k = products;
            if (round != 0 && round != 999) continue;
            const auto* expected =
                round == 0 ? "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
                           : "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51";
            for (const auto& result : k)
                CHECK(base::to_hex(result) == expected);
        }
    }
}

TEST_CASE("X25519: the product may overwrite scalar or point") {
    const auto cases = random_cases(9);
    for (const auto& function : functions()) {
        auto scalars = cases.scalars;
        auto points = cases.points;
        std::vector<Multiplication> batch;
        for (std::size_t i = 0; i < cases.size(); ++i)
            batch.push_back({scalars[i].data(), points[i].data(),
                             i % 2 ? scalars[i].data() : points[i].data()});
        function.multiply(batch.data(), batch.size());
        for (std::size_t i = 0; i < cases.size(); ++i)
            CHECK((i % 2 ? scalars[i] : points[i]) == cases.expected[i]);
    }
}

TEST_CASE("X25519: Wycheproof") {
    std::ifstream in{NIGHTJAR_SOURCE_DIR "/tests/vectors/wycheproof_x25519.json"};
    const auto file = nlohmann::json::parse(in);
    Cases cases;
    for (const auto& group : file.at("testGroups")) {
        for (const auto& test : group.at("tests")) {
            cases.scalars.push_back(from_hex(test.at("private")));
            cases.points.push_back(from_hex(test.at("public")));
            cases.expected.push_back(from_hex(test.at("shared")));
        }
    }
    REQUIRE(cases.size() >= 500);
    for (const auto& function : functions()) {
        CAPTURE(function.name);
        for (std::size_t first = 0; first < cases.size(); first += 7)
            CHECK(cases.agree(function, first, 13));
    }
}

TEST_CASE("a kernel that the processor lacks cannot be forced") {
    for (const auto kernel :
         {crypto::Kernel::portable, crypto::Kernel::avx2, crypto::Kernel::ifma}) {
        const auto before = crypto::kernel();
        if (crypto::available(kernel)) {
            const testing::KernelScope forced{kernel};
            CHECK(crypto::kernel() == kernel);
        } else {
            CHECK_THROWS_AS(crypto::force_kernel(kernel), std::invalid_argument);
        }
        CHECK(crypto::kernel() == before);
    }
}
