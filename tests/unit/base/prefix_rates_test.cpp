// Rates by network prefix.
#include "sphinx/base/prefix_rates.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar::base;
using namespace std::chrono_literals;

namespace {

constexpr Mono start{1000s};

struct Rates {
    int taken(const std::string& from, int tries, Mono at = start) {
        int count = 0;
        for (int i = 0; i < tries; ++i)
            count += rates.take(IpAddress::parse(from).value(), at) ? 1 : 0;
        return count;
    }
    SeededRandom random{1};
    PrefixRates rates{{20, 40}, random};
};

}  // namespace

TEST_CASE_FIXTURE(Rates, "prefix rates: an address has its burst, then its rate") {
    CHECK(taken("192.0.2.1", 1000) == 40);
    CHECK(taken("192.0.2.1", 1000, start + 1s) == 20);
    CHECK(taken("192.0.2.1", 1000, start + 1s) == 0);
    CHECK(taken("192.0.2.1", 1000, start) == 0);  // an earlier time adds nothing
    CHECK(taken("192.0.2.1", 1000, start + 1s) == 0);
    CHECK(taken("192.0.2.1", 1000, start + 1h) == 40);
    CHECK(taken("198.51.100.1", 1000, start) == 40);
}

TEST_CASE_FIXTURE(Rates, "prefix rates: all addresses of a prefix share a rate of their own") {
    int of_24 = 0, of_56 = 0, of_48 = 0;
    for (int i = 0; i < 200; ++i) {
        const auto n = std::to_string(10 + i % 80);
        of_24 += taken("192.0.2." + n, 10);
        of_56 += taken("2001:db8:1:2" + n + "::1", 10);
        of_48 += taken("2001:db8:2:" + n + "00::1", 10);
    }
    CHECK(of_24 == 160);
    CHECK(of_56 == 80);
    CHECK(of_48 == 160);
    CHECK(taken("192.0.3.1", 100) == 40);
}

TEST_CASE_FIXTURE(Rates, "prefix rates: hundreds of busy prefixes hinder hardly any other") {
    for (int i = 0; i < 250; ++i)
        for (int j = 0; j < 4; ++j)
            taken("100." + std::to_string(i) + "." + std::to_string(j) + ".1", 60);
    int refused = 0;
    for (int i = 0; i < 250; ++i)
        refused += taken("10." + std::to_string(i) + ".1.1", 1) == 0 ? 1 : 0;
    CHECK(refused < 40);
}

TEST_CASE_FIXTURE(Rates, "prefix rates: who connected is forgotten when the rate is full again") {
    CHECK(rates.remembered() == 0);
    CHECK(taken("192.0.2.1", 40) == 40);
    CHECK(taken("2001:db8::1", 1) == 1);
    CHECK(rates.remembered() > 0);
    rates.forget(start + 1s);  // half of the burst is spent
    CHECK(taken("192.0.2.1", 1000, start + 1s) == 20);
    rates.forget(start + 4s);
    CHECK(rates.remembered() == 0);
    CHECK(taken("192.0.2.1", 1000, start + 4s) == 40);
}

TEST_CASE_FIXTURE(Rates,
                  "prefix rates: as much as each prefix has, and what is given back is there") {
    const auto one = IpAddress::parse("192.0.2.1").value();
    CHECK(rates.take_up_to(one, 30, start) == 30);
    CHECK(rates.take_up_to(one, 30, start) == doctest::Approx(10));
    CHECK(rates.take_up_to(one, 30, start) == 0);
    rates.give_back(one, 0.5, start);
    CHECK(rates.take_up_to(one, 30, start) == doctest::Approx(0.5));
    CHECK(rates.take_up_to(one, 5, start + 100ms) == doctest::Approx(2));
    // No more than the burst, however much comes back.
    rates.give_back(one, 1000, start + 100ms);
    CHECK(rates.take_up_to(one, 1000, start + 100ms) == doctest::Approx(40));
    // The /24 has four times as much for all its addresses.
    double others = 0;
    for (int i = 2; i < 100; ++i)
        others += rates.take_up_to(IpAddress::parse("192.0.2." + std::to_string(i)).value(), 40,
                                   start + 100ms);
    CHECK(others == doctest::Approx(120));
}
