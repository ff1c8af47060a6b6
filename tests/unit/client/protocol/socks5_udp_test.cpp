#include "client/protocol/socks5_udp.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar;
using namespace nightjar::client::protocol::socks5;

namespace {

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values)
        text.push_back(static_cast<char>(value));
    return text;
}

const std::string v4 = bytes({0, 0, 0, 1, 9, 9, 9, 9, 0, 53});
const std::string v6 = bytes({0, 0, 0, 4}) + std::string(16, '\x20') + bytes({0, 53});
const std::string name = bytes({0, 0, 0, 3, 4}) + "a.b." + bytes({0, 53});

std::optional<Datagram> read(const std::string& text) {
    return read_datagram(base::as_bytes(text));
}

}  // namespace

TEST_CASE("socks5 datagrams: the header ends where its address says, the rest is the message") {
    for (const auto& header : {v4, v6, name}) {
        for (const std::string message : {"", "x", "a question"}) {
            const auto whole = header + message;
            const auto datagram = read(whole);
            REQUIRE(datagram);
            CHECK(base::as_text(datagram->header) == header);
            CHECK(base::as_text(datagram->message) == message);
        }
        for (std::size_t size = 0; size < header.size(); ++size)
            CHECK_FALSE(read(header.substr(0, size)));
    }
}

TEST_CASE("socks5 datagrams: what is not whole or not for port 53 is dropped") {
    const auto changed = [](std::size_t at, int value) {
        auto text = v4 + "question";
        text[at] = static_cast<char>(value);
        return text;
    };
    CHECK(read(changed(4, 8)));
    CHECK_FALSE(read(changed(0, 1)));     // reserved
    CHECK_FALSE(read(changed(1, 1)));     // reserved
    CHECK_FALSE(read(changed(2, 1)));     // the first fragment
    CHECK_FALSE(read(changed(2, 0x81)));  // the last one
    CHECK_FALSE(read(changed(3, 0)));     // no such type
    CHECK_FALSE(read(changed(3, 2)));
    CHECK_FALSE(read(bytes({0, 0, 0, 2, 0, 53}) + "question"));  // as if it had no address
    CHECK_FALSE(read(changed(8, 1)));                            // port 309
    CHECK_FALSE(read(changed(9, 54)));
}

TEST_CASE("socks5 datagrams: the reply says where the socket is") {
    base::IpEndpoint at{.address = *base::IpAddress::parse("127.0.0.1"), .port = 0x1234};
    CHECK(base::as_text(association_bytes(at)) == bytes({5, 0, 0, 1, 127, 0, 0, 1, 0x12, 0x34}));
    at.address = *base::IpAddress::parse("::1");
    CHECK(base::as_text(association_bytes(at)) ==
          bytes({5, 0, 0, 4}) + std::string(15, '\0') + bytes({1, 0x12, 0x34}));
}
