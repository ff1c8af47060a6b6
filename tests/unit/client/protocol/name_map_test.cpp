#include "client/protocol/name_map.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace nightjar;
using client::protocol::NameMap;

namespace {

base::IpNetwork range(const char* text, int prefix) {
    return {*base::IpAddress::parse(text), prefix};
}

/// A map whose clock is so slow that no name is refused.
struct SlowlyAsked : NameMap {
    using NameMap::NameMap;
    base::IpAddress address_of(std::string_view name) {
        return *NameMap::address_of(name, now += base::Seconds{1});
    }
    base::Mono now{};
};

std::string name(std::size_t number) {
    return "n" + std::to_string(number) + ".example";
}

}  // namespace

TEST_CASE("name map: a name has one address of the range, whatever its spelling") {
    base::SeededRandom random{1};
    SlowlyAsked map{range("198.18.0.0", 15), random};
    const auto a = map.address_of("A.example");
    CHECK(map.address_of("a.EXAMPLE.") == a);
    CHECK(map.address_of("b.example") != a);
    CHECK(map.name_of(a) == "a.example");
    CHECK(map.size() == 2);
    CHECK(map.contains(a));
    CHECK(!map.contains(*base::IpAddress::parse("198.20.0.1")));
    CHECK(!map.name_of(*base::IpAddress::parse("198.20.0.1")));
    CHECK(!map.name_of(*base::IpAddress::parse("198.18.0.0")));
    base::SeededRandom other{2};
    CHECK(SlowlyAsked{range("198.18.0.0", 15), other}.address_of("a.example") != a);
}

TEST_CASE("name map: the name unused for longest is forgotten, and its address rests") {
    base::SeededRandom random{3};
    SlowlyAsked map{range("198.18.0.0", 16), random};
    const auto kept = map.address_of("kept.example");
    const auto old = map.address_of("old.example");
    std::set<base::IpAddress> seen{kept, old};
    // Further names up to the last address of the range: none stands for two names meanwhile.
    for (std::size_t n = 0; n < 65'534 - 2; ++n) {
        CHECK_FALSE(!seen.insert(map.address_of(name(n))).second);
        if (n % 1000 == 0) CHECK(map.name_of(kept) == "kept.example");
    }
    CHECK(map.size() == NameMap::names_max);
    CHECK(!map.name_of(old));
    CHECK(!seen.contains(*base::IpAddress::parse("198.18.0.0")));
    CHECK(!seen.contains(*base::IpAddress::parse("198.18.255.255")));
    // All have been handed out once. The next takes a place again, but never that of a name in use.
    CHECK(map.address_of("again.example") != kept);
    CHECK(map.name_of(kept) == "kept.example");
}

TEST_CASE("name map: new names are bounded in rate, and names that are known are not") {
    base::SeededRandom random{4};
    NameMap map{range("198.18.0.0", 16), random};
    base::Mono now{};
    REQUIRE(map.address_of("kept.example", now));
    std::size_t given = 1;
    for (int second = 0; second < 60; ++second, now += base::Seconds{1}) {
        for (std::size_t n = 0; n < 2'000; ++n)
            given += map.address_of(name(2'000 * second + n), now).has_value();
        CHECK(map.address_of("kept.example", now));
    }
    CHECK(given == 1'024 + 64 * 59);
}
