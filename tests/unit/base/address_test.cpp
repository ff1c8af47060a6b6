#include "sphinx/base/address.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

using namespace nightjar::base;

TEST_CASE("literals: each special range of IPv4 ends where the registry says") {
    const struct {
        const char *first, *last;
    } ranges[] = {
        {"0.0.0.0", "0.255.255.255"},       {"10.0.0.0", "10.255.255.255"},
        {"100.64.0.0", "100.127.255.255"},  {"127.0.0.0", "127.255.255.255"},
        {"169.254.0.0", "169.254.255.255"}, {"172.16.0.0", "172.31.255.255"},
        {"192.0.0.0", "192.0.0.255"},       {"192.0.2.0", "192.0.2.255"},
        {"192.88.99.0", "192.88.99.255"},   {"192.168.0.0", "192.168.255.255"},
        {"198.18.0.0", "198.19.255.255"},   {"198.51.100.0", "198.51.100.255"},
        {"203.0.113.0", "203.0.113.255"},   {"224.0.0.0", "255.255.255.255"},
    };
    const auto moved = [](const char* text, int by) {
        auto number = std::uint32_t{0};
        for (const char* at = text;; ++at) {
            number = number << 8 | static_cast<std::uint32_t>(std::strtoul(at, nullptr, 10));
            at = std::strchr(at, '.');
            if (at == nullptr) break;
        }
        number += static_cast<std::uint32_t>(by);
        return IpAddress{
            false,
            {static_cast<std::uint8_t>(number >> 24), static_cast<std::uint8_t>(number >> 16),
             static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
    };
    for (const auto& [first, last] : ranges) {
        CAPTURE(first);
        CHECK_FALSE(is_public(moved(first, 0)));
        CHECK_FALSE(is_public(moved(last, 0)));
        // Before 0.0.0.0 and behind 255.255.255.255 there is nothing.
        if (moved(first, 0) != IpAddress{}) CHECK(is_public(moved(first, -1)));
        if (moved(last, 1) != IpAddress{}) CHECK(is_public(moved(last, 1)));
    }
}

TEST_CASE("literals: one canonical spelling, public or not") {
    struct Row {
        const char* text;
        const char* canonical;  // nullptr: not a literal
        bool is_public;
    };
    const Row rows[] = {
        {"1.1.1.1", "1.1.1.1", true},
        {"9.255.255.255", "9.255.255.255", true},
        {"10.0.0.0", "10.0.0.0", false},
        {"10.255.255.255", "10.255.255.255", false},
        {"11.0.0.0", "11.0.0.0", true},
        {"0.0.0.0", "0.0.0.0", false},
        {"100.63.255.255", "100.63.255.255", true},
        {"100.64.0.1", "100.64.0.1", false},
        {"127.0.0.1", "127.0.0.1", false},
        {"169.254.169.254", "169.254.169.254", false},
        {"172.15.255.255", "172.15.255.255", true},
        {"172.16.0.1", "172.16.0.1", false},
        {"172.31.255.255", "172.31.255.255", false},
        {"172.32.0.0", "172.32.0.0", true},
        {"192.168.1.1", "192.168.1.1", false},
        {"192.0.2.7", "192.0.2.7", false},
        {"198.18.0.1", "198.18.0.1", false},
        {"198.20.0.1", "198.20.0.1", true},
        {"223.255.255.255", "223.255.255.255", true},
        {"224.0.0.1", "224.0.0.1", false},
        {"255.255.255.255", "255.255.255.255", false},
        {"2606:4700:4700::1111", "2606:4700:4700::1111", true},
        {"2606:4700:4700:0000:0:0:0:1111", "2606:4700:4700::1111", true},
        {"::", "::", false},
        {"::1", "::1", false},
        {"::ffff:1.1.1.1", "::ffff:1.1.1.1", true},
        {"::ffff:10.0.0.1", "::ffff:10.0.0.1", false},
        {"::10.0.0.1", "::10.0.0.1", false},
        {"64:ff9b::8.8.8.8", "64:ff9b::808:808", true},
        {"64:ff9b::7f00:1", "64:ff9b::7f00:1", false},
        {"64:ff9b:1::1", "64:ff9b:1::1", false},
        {"2002:101:101::1", "2002:101:101::1", true},
        {"2002:7f00:1::1", "2002:7f00:1::1", false},
        {"2001::1", "2001::1", false},
        {"2001:db8::1", "2001:db8::1", false},
        {"2001:4860:4860::8888", "2001:4860:4860::8888", true},
        {"fc00::1", "fc00::1", false},
        {"fd12::1", "fd12::1", false},
        {"fe80::1", "fe80::1", false},
        {"ff02::1", "ff02::1", false},
        {"100::1", "100::1", false},
        {"3fff::1", "3fff::1", false},
        {"3fff:1000::1", "3fff:1000::1", true},
        {"2001:1ff::1", "2001:1ff::1", false},
        {"2001:200::1", "2001:200::1", true},
        {"3fff:fff::1", "3fff:fff::1", false},
        {"1.1.1", nullptr, false},
        {"1.1.1.256", nullptr, false},
        {"01.1.1.1", nullptr, false},
        {"0x7f.0.0.1", nullptr, false},
        {"fe80::1%lo", nullptr, false},
        {"[::1]", nullptr, false},
        {"example.org", nullptr, false},
        {"", nullptr, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.text);
        const auto literal = parse_literal(row.text);
        REQUIRE(literal.has_value() == (row.canonical != nullptr));
        if (!literal) continue;
        CHECK(literal->text == row.canonical);
        CHECK(literal->is_public == row.is_public);
    }
    CHECK_FALSE(parse_literal(std::string_view{"1.1.1.1\0", 8}));
}
