#include "relay/io/dial_messages.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::relay::io;

namespace {

base::IpEndpoint endpoint(const char* text, std::uint16_t port) {
    return {base::IpAddress::parse(text).value(), port};
}

template <class Message, class Parse>
void check(const Message& message, Parse parse) {
    const auto bytes = to_bytes(message);
    CHECK(bytes.size() <= dial_message_max);
    const auto parsed = parse(bytes);
    REQUIRE(parsed.has_value());
    CHECK(parsed->index() == message.index());
    CHECK(to_bytes(*parsed) == bytes);
    auto more = bytes;
    more.push_back(0);
    CHECK_FALSE(parse(more));
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(parse(base::ByteView{bytes}.first(size)));
}

}  // namespace

TEST_CASE("dial messages: what is written is read, and nothing else") {
    check(DialRequest{Connect{~std::uint64_t{0}, endpoint("2001:db8::1", 65535)}},
          parse_dial_request);
    check(DialRequest{Connect{1, endpoint("192.0.2.1", 0)}}, parse_dial_request);
    check(DialRequest{GiveUp{7}}, parse_dial_request);
    check(DialReply{Connected{9}}, parse_dial_reply);
    check(DialReply{NotConnected{9, DialError::given_up}}, parse_dial_reply);
}

TEST_CASE("dial messages: the target and the error arrive as they were") {
    const auto request =
        parse_dial_request(to_bytes(DialRequest{Connect{3, endpoint("2001:db8::9", 443)}}));
    CHECK(std::get<Connect>(*request).attempt == 3);
    CHECK(std::get<Connect>(*request).target == endpoint("2001:db8::9", 443));
    for (const auto error : {DialError::refused, DialError::reset, DialError::given_up}) {
        const auto reply = parse_dial_reply(to_bytes(DialReply{NotConnected{4, error}}));
        CHECK(std::get<NotConnected>(*reply).error == error);
    }
}

TEST_CASE("dial messages: an error, a kind or a family that is none is refused") {
    auto reply = to_bytes(DialReply{NotConnected{4, DialError::given_up}});
    ++reply.back();
    CHECK_FALSE(parse_dial_reply(reply));
    auto request = to_bytes(DialRequest{Connect{3, endpoint("192.0.2.1", 80)}});
    request[9] = 5;
    CHECK_FALSE(parse_dial_request(request));
    for (const std::uint8_t kind : {0, 3, 255}) {
        auto changed = to_bytes(DialRequest{GiveUp{7}});
        changed[0] = kind;
        CHECK_FALSE(parse_dial_request(changed));
        changed = to_bytes(DialReply{Connected{7}});
        changed[0] = kind;
        CHECK_FALSE(parse_dial_reply(changed));
    }
}
