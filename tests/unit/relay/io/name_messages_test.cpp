#include "relay/io/name_messages.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "relay/io/name_queries.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::core;
using namespace nightjar::relay::io;

namespace {

base::IpAddress ip(const char* text) {
    return base::IpAddress::parse(text).value();
}

/// One of each message, as large as it may be.
std::vector<NameRequest> requests() {
    UseServers servers;
    for (std::size_t i = 0; i < name_servers_max; ++i)
        servers.servers.push_back({ip("2001:db8::53"), static_cast<std::uint16_t>(i)});
    std::string longest;
    for (int i = 0; i < 4; ++i)
        longest += std::string(61, 'x') + ".";
    return {servers, AskAddresses{1, Family::v6, longest.substr(0, 247)},
            AskName{2, ip("192.0.2.1")}, Withdraw{~std::uint64_t{0}}};
}

std::vector<NameReply> replies() {
    FoundAddresses found{7, Family::v6, {{}, base::Seconds{0x7fffffff}}};
    for (std::size_t i = 0; i < found_addresses_max; ++i)
        found.found.addresses.push_back(ip("2001:db8::1"));
    return {found, FoundName{8, "host.test"}, NoAnswer{9, NameError::no_descriptors}};
}

template <class Message, class Parse>
void check_all(const std::vector<Message>& all, Parse parse) {
    for (const auto& message : all) {
        const auto bytes = to_bytes(message);
        CHECK(bytes.size() <= name_message_max);
        const auto parsed = parse(bytes);
        REQUIRE(parsed.has_value());
        CHECK(parsed->index() == message.index());
        CHECK(to_bytes(*parsed) == bytes);
        auto more = bytes;
        more.push_back(0);  // also no byte of a name
        CHECK_FALSE(parse(more));
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            // A name may be shorter; then that is another message.
            const auto cut = base::ByteView{bytes}.first(size);
            if (const auto other = parse(cut)) CHECK(std::ranges::equal(to_bytes(*other), cut));
        }
    }
}

std::optional<NameReply> changed(const NameReply& reply, std::size_t at, std::uint8_t to) {
    auto bytes = to_bytes(reply);
    bytes.at(at) = to;
    return parse_reply(bytes);
}

}  // namespace

TEST_CASE("name messages: what is written is read, and nothing else") {
    check_all(requests(), parse_request);
    check_all(replies(), parse_reply);
    for (int kind = 0; kind < 256; ++kind) {
        const base::Bytes alone{static_cast<std::uint8_t>(kind)};
        CHECK_FALSE(parse_request(alone));
        CHECK_FALSE(parse_reply(alone));
    }
}

TEST_CASE("name messages: each field of a reply is held to its bounds") {
    constexpr std::size_t kind = 0, ttl = 9, family = 13, count = 14, error = 9;
    const FoundAddresses two{
        1, Family::v4, {{ip("192.0.2.1"), ip("192.0.2.2")}, base::Seconds{60}}};
    CHECK(changed(two, ttl, 0x7f));
    CHECK_FALSE(changed(two, ttl, 0x80));
    CHECK_FALSE(changed(two, family, 6));
    CHECK_FALSE(changed(two, family, 5));
    CHECK_FALSE(changed(two, count, 0));
    CHECK_FALSE(changed(two, count, 1));
    CHECK_FALSE(changed(two, count, 3));
    CHECK_FALSE(changed(two, kind, 0));
    CHECK_FALSE(changed(FoundName{1, "host.test"}, 10, ' '));
    CHECK(changed(NoAnswer{1, NameError::failed}, error, 5));
    CHECK_FALSE(changed(NoAnswer{1, NameError::failed}, error, 6));

    const auto none = to_bytes(NameReply{FoundAddresses{1, Family::v4, {{}, base::Seconds{60}}}});
    CHECK_FALSE(parse_reply(none));

    FoundAddresses many{1, Family::v4, {{}, base::Seconds{0}}};
    many.found.addresses.assign(found_addresses_max, ip("192.0.2.1"));
    auto bytes = to_bytes(many);
    REQUIRE(parse_reply(bytes));
    bytes[count] = found_addresses_max + 1;
    bytes.resize(bytes.size() + 4);
    CHECK_FALSE(parse_reply(bytes));
}

TEST_CASE("name messages: a request names host names, addresses and servers only") {
    auto bytes = to_bytes(NameRequest{UseServers{{{ip("192.0.2.1"), 53}}}});
    REQUIRE(parse_request(bytes));
    bytes[1] = 0;
    CHECK_FALSE(parse_request(bytes));
    CHECK_FALSE(parse_request(base::Bytes{1, 0}));
    bytes = {1, name_servers_max + 1};
    for (std::size_t i = 0; i <= name_servers_max; ++i)
        bytes.insert(bytes.end(), {4, 192, 0, 2, 1, 0, 53});
    CHECK_FALSE(parse_request(bytes));
    bytes = to_bytes(NameRequest{AskAddresses{1, Family::v4, "host.test"}});
    bytes.back() = '/';
    CHECK_FALSE(parse_request(bytes));
}

TEST_CASE("name queries: only an answer of the kind that was asked for is passed on, once") {
    NameQueries queries;
    int answers = 0;
    queries.add(
        1, Family::v4, [&](const auto&) { ++answers; }, base::Mono{} + base::Seconds{9});
    queries.add(
        2, [&](const auto&) { ++answers; }, base::Mono{} + base::Seconds{5});
    CHECK(queries.until() == base::Mono{} + base::Seconds{5});
    const core::NameAddresses v4{{ip("192.0.2.1")}, base::Seconds{1}};
    CHECK_FALSE(queries.answer(FoundAddresses{3, Family::v4, v4}));
    CHECK_FALSE(queries.answer(FoundAddresses{1, Family::v6, v4}));
    CHECK_FALSE(queries.answer(FoundAddresses{2, Family::v4, v4}));
    CHECK_FALSE(queries.answer(FoundName{1, "host.test"}));
    CHECK(answers == 0);
    CHECK(queries.answer(FoundAddresses{1, Family::v4, v4}));
    CHECK(answers == 1);
    CHECK_FALSE(queries.answer(NoAnswer{1, NameError::failed}));
    CHECK(queries.withdraw(2));
    CHECK_FALSE(queries.withdraw(2));
    CHECK(queries.size() == 1);
    queries.fail_waiting();
    CHECK(queries.answer(FoundName{2, "host.test"}));
    CHECK(answers == 1);
    CHECK(queries.size() == 0);
}
