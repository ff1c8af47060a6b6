#include "relay/io/name_question.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace nightjar;
using namespace nightjar::relay::io;

namespace {

std::vector<std::uint8_t> message(std::string_view question) {
    std::vector<std::uint8_t> bytes(12);
    bytes.insert(bytes.end(), question.begin(), question.end());
    return bytes;
}

constexpr std::string_view wire{"\4Exit\4test\0\0\1\0\1", 15};

}  // namespace

TEST_CASE("name question: an answer must repeat each letter's case") {
    CHECK(repeats(message(wire), "Exit.test"));
    CHECK(repeats(message(wire), "Exit.test."));
    CHECK_FALSE(repeats(message(wire), "exit.test"));
    CHECK_FALSE(repeats(message(wire), "Exit.tesT"));
    CHECK_FALSE(repeats(message(wire), "Exit.tes"));
    CHECK_FALSE(repeats(message(wire), "Exit.test.a"));
    CHECK_FALSE(repeats(message(wire), "Exit"));
}

TEST_CASE("name question: a message that ends within the name repeats nothing") {
    const auto whole = message(wire);
    const std::size_t end_of_name = 12 + 11;
    for (std::size_t size = 0; size < end_of_name; ++size)
        CHECK_FALSE(repeats({whole.data(), size}, "Exit.test"));
    CHECK(repeats({whole.data(), end_of_name}, "Exit.test"));
}

TEST_CASE("name question: each letter's case is drawn, and nothing else changes") {
    base::SeededRandom random{7};
    std::vector<int> upper(8);
    for (int i = 0; i < 1000; ++i) {
        const auto mixed = mixed_case("ab-9_.xZ", random);
        REQUIRE(mixed.size() == 8);
        CHECK(mixed.substr(2, 4) == "-9_.");
        for (std::size_t at = 0; at < 8; ++at)
            upper[at] += mixed[at] >= 'A' && mixed[at] <= 'Z' ? 1 : 0;
        for (const auto at : {0, 1, 6, 7})
            CHECK((mixed[static_cast<std::size_t>(at)] | 0x20) == "ab-9_.xz"[at]);
    }
    // 500 +- 6 standard deviations of 15.8
    for (const auto at : {0, 1, 6, 7}) {
        CHECK(upper[static_cast<std::size_t>(at)] > 405);
        CHECK(upper[static_cast<std::size_t>(at)] < 595);
    }
}

TEST_CASE("name question: the name of an address, as in RFC 1035 and RFC 3596") {
    CHECK(reverse_name(base::IpAddress::parse("10.2.0.52").value()) == "52.0.2.10.in-addr.arpa");
    CHECK(reverse_name(base::IpAddress::parse("4321:0:1:2:3:4:567:89ab").value()) ==
          "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}
