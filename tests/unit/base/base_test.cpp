#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <type_traits>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/base/time.hpp"

using namespace nightjar::base;

TEST_CASE("UTC: a time as people and as programs read it") {
    struct Row {
        std::int64_t milliseconds;
        const char* text;
        const char* stamp;
    };
    for (const auto& row :
         {Row{0, "1970-01-01 00:00:00 UTC", "1970-01-01T00:00:00Z"},
          Row{1'709'251'199'999, "2024-02-29 23:59:59 UTC", "2024-02-29T23:59:59Z"},
          Row{1'795'471'200'000, "2026-11-23 22:00:00 UTC", "2026-11-23T22:00:00Z"},
          Row{-1, "1969-12-31 23:59:59 UTC", "1969-12-31T23:59:59Z"}}) {
        const Wall at{Milliseconds{row.milliseconds}};
        CHECK(utc_text(at) == row.text);
        CHECK(utc_stamp(at) == row.stamp);
    }
}

TEST_CASE("hexadecimal: strict reading, lower-case writing") {
    const Bytes bytes{0x00, 0x7f, 0x80, 0xff};
    CHECK(to_hex(bytes) == "007f80ff");
    CHECK(from_hex("007f80ff") == bytes);
    CHECK(from_hex("") == Bytes{});
    for (const auto* refused : {"0", "007", "0g", "0G", "FF", " 00", "00 ", "0x00", "-1"}) {
        CAPTURE(refused);
        CHECK_FALSE(from_hex(refused));
    }
}

TEST_CASE("comparison in constant time still compares") {
    const Bytes a{1, 2, 3};
    CHECK(equal_constant_time(a, Bytes{1, 2, 3}));
    CHECK_FALSE(equal_constant_time(a, Bytes{1, 2, 4}));
    CHECK_FALSE(equal_constant_time(a, Bytes{1, 2}));
    CHECK(equal_constant_time({}, {}));
}

TEST_CASE("a Secret moves, never copies by accident, and leaves nothing behind") {
    static_assert(!std::is_copy_constructible_v<Secret<4>>);
    static_assert(!std::is_copy_assignable_v<Secret<4>>);
    const ByteArray<4> bytes{1, 2, 3, 4};
    Secret<4> first{std::span<const std::uint8_t, 4>{bytes}};
    const auto copied = first.copy();
    const Secret<4> second{std::move(first)};
    CHECK(to_hex(second.view()) == "01020304");
    CHECK(to_hex(copied.view()) == "01020304");
    CHECK(to_hex(first.view()) == "00000000");  // NOLINT: what a move leaves is what is tested

    // Checks the destructor's wipe in storage that outlives the object.
    alignas(Secret<4>) unsigned char storage[sizeof(Secret<4>)];
    auto* placed = new (storage) Secret<4>{std::span<const std::uint8_t, 4>{bytes}};
    placed->~Secret();
    const ByteView after{storage, sizeof storage};
    CHECK(std::all_of(after.begin(), after.end(), [](auto byte) { return byte == 0; }));
}

TEST_CASE("SecretBytes take over, and are empty afterwards") {
    const Bytes bytes{9, 8, 7};
    SecretBytes first{ByteView{bytes}};
    SecretBytes second{2};
    second = std::move(first);
    CHECK(to_hex(second.view()) == "090807");
    CHECK(first.size() == 0);  // NOLINT: what a move leaves is what is tested
}

TEST_CASE("a Result holds one of the two, even where both have one type") {
    const Result<int, int> good = 3;
    const Result<int, int> bad = Fail{3};
    REQUIRE(good);
    CHECK(*good == 3);
    REQUIRE_FALSE(bad);
    CHECK(bad.error() == 3);
    Result<std::unique_ptr<int>, int> owner = std::make_unique<int>(7);
    const auto taken = *std::move(owner);
    CHECK(*taken == 7);
}

TEST_CASE("ids compare by their bytes and refuse other lengths") {
    const ByteArray<32> bytes{1};
    CHECK(NodeId::from(bytes)->bytes == bytes);
    CHECK_FALSE(NodeId::from(ByteView{bytes}.first(31)));
    CHECK(NodeId{}.is_zero());
    CHECK_FALSE(NodeId{bytes}.is_zero());
    CHECK(NodeId{} < NodeId{bytes});
    // The first byte decides first, as in the documents' order of relays.
    const auto with = [](std::size_t i, std::uint8_t a, std::size_t j, std::uint8_t b) {
        NodeId id;
        id.bytes[i] = a;
        id.bytes[j] = b;
        return id;
    };
    for (std::size_t i = 0; i < 31; ++i) {
        CHECK(with(i, 1, i + 1, 2) < with(i, 2, i + 1, 1));
        CHECK(with(i, 1, i + 1, 2) < with(i, 1, i + 1, 3));
        CHECK(with(i, 1, i + 1, 2) != with(i, 1, i + 1, 3));
        CHECK(with(i, 1, i + 1, 0xff) == with(i, 1, i + 1, 0xff));
        CHECK(with(i, 0x7f, i + 1, 0) < with(i, 0x80, i + 1, 0));
    }
    CHECK(Epoch{0x1ff}.low_byte() == 0xff);
    CHECK(Epoch{0x1ff}.next() == Epoch{0x200});
}

TEST_CASE("seeded randomness repeats itself and differs by seed") {
    Bytes first(3000), again(3000), other(3000);
    SeededRandom{1}.fill(first);
    SeededRandom repeated{1};
    // The bytes are the same for any sizes of the requests.
    for (std::size_t i = 0; i < again.size(); i += 7)
        repeated.fill(ByteSpan{again}.subspan(i, std::min<std::size_t>(7, again.size() - i)));
    SeededRandom{2}.fill(other);
    CHECK(first == again);
    CHECK(first != other);
}

TEST_CASE("system randomness fills every size and does not repeat") {
    SystemRandom random;
    std::map<ByteArray<16>, int> seen;
    for (int i = 0; i < 1000; ++i) {
        ByteArray<16> drawn{};
        random.fill(drawn);
        ++seen[drawn];
    }
    CHECK(seen.size() == 1000);
    Bytes large(5000, 0);
    random.fill(large);
    CHECK(std::count(large.begin(), large.end(), 0) < 200);
}

TEST_CASE("draws: bounds, uniformity, the exponential's mean, the cap") {
    SeededRandom random{42};
    std::array<int, 7> counts{};
    for (int i = 0; i < 70'000; ++i)
        ++counts.at(random.below(7));
    for (const auto count : counts)
        CHECK(std::abs(count - 10'000) < 5 * std::sqrt(10'000.0));

    double sum = 0;
    const Nanoseconds mean{50'000'000};
    for (int i = 0; i < 40'000; ++i) {
        const auto drawn = random.exponential(mean);
        CHECK(drawn.count() >= 0);
        sum += to_seconds(drawn);
        const auto capped = random.exponential_capped(mean, mean);
        CHECK(capped <= mean);
        const auto unit = random.unit();
        CHECK((unit >= 0 && unit < 1));
    }
    CHECK(std::abs(sum / 40'000 - 0.05) < 5 * 0.05 / std::sqrt(40'000.0));
}

TEST_CASE("a shuffle keeps what it shuffles and reaches every order") {
    SeededRandom random{3};
    std::map<std::array<int, 3>, int> orders;
    for (int i = 0; i < 6000; ++i) {
        std::array<int, 3> items{1, 2, 3};
        random.shuffle(items);
        ++orders[items];
    }
    REQUIRE(orders.size() == 6);
    for (const auto& [order, count] : orders)
        CHECK(std::abs(count - 1000) < 5 * std::sqrt(1000.0));
}
