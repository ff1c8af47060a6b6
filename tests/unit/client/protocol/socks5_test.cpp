#include "client/protocol/socks5.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace nightjar;
using namespace nightjar::client::protocol::socks5;
using nightjar::client::protocol::Rules;
using State = Handshake::State;

namespace {

std::string bytes(std::initializer_list<int> values) {
    std::string text;
    for (const int value : values)
        text.push_back(static_cast<char>(value));
    return text;
}

std::string named(const std::string& name, int port = 80, int command = 1) {
    return bytes({5, command, 0, 3, static_cast<int>(name.size())}) + name +
           bytes({port >> 8, port & 0xff});
}

const std::string hello = bytes({5, 1, 0});
const std::string hello_back = bytes({5, 0});
const std::string hello_password = bytes({5, 2, 0, 2});

std::string reply(int code) {
    return bytes({5, code, 0, 1, 0, 0, 0, 0, 0, 0});
}

struct Outcome {
    State state;
    std::string output;
    std::size_t used;
    std::string host;
    int port = 0;
    std::string isolation;
    bool operator==(const Outcome&) const = default;
};

Outcome run(const std::string& input, std::size_t chunk, Rules rules) {
    Handshake handshake{std::move(rules)};
    Outcome outcome{};
    std::size_t offset = 0;
    while (offset < input.size()) {
        const auto piece = input.substr(offset, chunk);
        const auto used = handshake.feed(base::as_bytes(piece));
        offset += used;
        outcome.used += used;
        outcome.output += base::as_text(handshake.take_output());
        if (used < piece.size()) break;
    }
    outcome.state = handshake.state();
    if (outcome.state == State::asked) {
        outcome.host = handshake.target().host;
        outcome.port = handshake.target().port;
        outcome.isolation = handshake.isolation();
    }
    return outcome;
}

/// Feeds the input cut in several ways. The outcome must not depend on the cuts.
Outcome run(const std::string& input, bool private_targets = false) {
    const Rules rules{private_targets, "L"};
    const auto whole = run(input, input.size() + 1, rules);
    for (const std::size_t chunk : {1, 2, 3, 7}) {
        CAPTURE(chunk);
        CHECK(run(input, chunk, rules) == whole);
    }
    return whole;
}

}  // namespace

TEST_CASE("socks5: greetings") {
    struct Row {
        const char* what;
        std::string input;
        State state;
        std::string output;
    };
    const Row rows[] = {
        {"no authentication", bytes({5, 1, 0}), State::request, bytes({5, 0})},
        {"password only", bytes({5, 1, 2}), State::credentials, bytes({5, 2})},
        {"password preferred when both", bytes({5, 2, 0, 2}), State::credentials, bytes({5, 2})},
        {"preferred in any order", bytes({5, 3, 2, 1, 0}), State::credentials, bytes({5, 2})},
        {"GSSAPI only", bytes({5, 1, 1}), State::refused, bytes({5, 0xff})},
        {"no methods", bytes({5, 0}), State::refused, bytes({5, 0xff})},
        {"incomplete", bytes({5, 3, 0}), State::greeting, ""},
        {"SOCKS4", bytes({4, 1, 0, 80, 1, 1, 1, 1, 0}), State::refused,
         bytes({0, 0x5b, 0, 0, 0, 0, 0, 0})},
        {"a version to come", bytes({6, 1, 0}), State::refused, ""},
        {"TLS", bytes({0x16, 3, 1}), State::refused, ""},
        {"zero", bytes({0}), State::refused, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const auto outcome = run(row.input);
        CHECK(outcome.state == row.state);
        CHECK(outcome.output == row.output);
    }
    const auto all = run(bytes({5, 255}) + std::string(255, '\x03'));
    CHECK(all.state == State::refused);
    CHECK(all.used == 257);
}

TEST_CASE("socks5: credentials") {
    struct Row {
        const char* what;
        std::string input;
        State state;
        std::string output;
    };
    const Row rows[] = {
        {"both fields", bytes({1, 1, 'u', 2, 'p', 'w'}), State::request, bytes({1, 0})},
        {"empty fields", bytes({1, 0, 0}), State::request, bytes({1, 0})},
        {"empty password", bytes({1, 1, 'u', 0}), State::request, bytes({1, 0})},
        {"version of SOCKS instead of 1", bytes({5, 1, 'u', 1, 'p'}), State::refused,
         bytes({1, 1})},
        {"reserved for extensions", bytes({1, 11}) + "<nightjar0>" + bytes({0}), State::refused,
         bytes({1, 1})},
        {"incomplete username", bytes({1, 3, 'u', 'v'}), State::credentials, ""},
        {"incomplete password", bytes({1, 1, 'u', 2, 'v'}), State::credentials, ""},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const auto outcome = run(hello_password + row.input);
        CHECK(outcome.state == row.state);
        CHECK(outcome.output == bytes({5, 2}) + row.output);
    }
    const auto longest =
        bytes({1, 255}) + std::string(255, 'u') + bytes({255}) + std::string(255, 'p');
    CHECK(run(hello_password + longest + named("a.b")).state == State::asked);
}

TEST_CASE("socks5: credentials after 'no authentication' are taken all the same") {
    const auto outcome = run(hello + bytes({1, 1, 'u', 1, 'p'}) + named("example.org"));
    CHECK(outcome.state == State::asked);
    CHECK(outcome.output == hello_back + bytes({1, 0}));
    CHECK(outcome.isolation == std::string("L\0\0\1\1u\1p", 8));
    // Only once.
    const auto twice = run(hello_password + bytes({1, 0, 0, 1, 0, 0}));
    CHECK(twice.output == bytes({5, 2, 1, 0}) + reply(1));
}

TEST_CASE("socks5: isolation keys differ where listener, username or password do") {
    const auto key = [](const std::string& listener, const std::string& credentials) {
        return run((credentials.empty() ? hello : hello_password) + credentials + named("a.b"), 999,
                   Rules{false, listener})
            .isolation;
    };
    const std::vector<std::string> keys{
        key("1", ""),
        key("1", bytes({1, 0, 0})),
        key("2", bytes({1, 0, 0})),
        key("1", bytes({1, 1, 'a', 1, 'b'})),
        key("1", bytes({1, 1, 'a', 1, 'c'})),
        key("1", bytes({1, 2, 'a', 1, 1, 'b'})),
        key("1", bytes({1, 0, 2, 'a', 'b'})),
        key("1", bytes({1, 2, 'a', 'b', 0})),
    };
    for (std::size_t i = 0; i < keys.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j)
            CHECK(keys[i] != keys[j]);
    }
    CHECK(key("1", bytes({1, 1, 'a', 1, 'b'})) == keys[3]);
    // Without credentials all listeners share one session.
    CHECK(key("1", "").empty());
    CHECK(key("2", "").empty());
}

TEST_CASE("socks5: lookups, as Tor defines them") {
    const auto ask = [](const std::string& input, bool private_targets = false) {
        Handshake handshake{Rules{private_targets, "L"}};
        handshake.feed(base::as_bytes(hello + input));
        handshake.take_output();
        return handshake;
    };
    const auto address = [](int command, int last) {
        return bytes({5, command, 0, 1, 8, 8, 8, last, 0, 0});
    };
    for (const int port : {0, 80}) {
        const auto name = ask(named("example.org", port, 0xf0));
        REQUIRE(name.state() == State::asked);
        CHECK(name.target() == stream::Target{"example.org", 0});
        CHECK_FALSE(name.wants_name());
        CHECK_FALSE(name.own_answer().has_value());
    }
    const auto ptr = ask(address(0xf1, 8));
    REQUIRE(ptr.state() == State::asked);
    CHECK(ptr.target() == stream::Target{"8.8.8.8", 0});
    CHECK(ptr.wants_name());
    CHECK(ask(named("8.8.8.8", 0, 0xf1)).wants_name());
    // A literal address is its own answer.
    CHECK(ask(address(0xf0, 8)).own_answer() == base::IpAddress::parse("8.8.8.8"));
    CHECK(ask(named("8.8.8.8", 0, 0xf0)).own_answer().has_value());
    CHECK_FALSE(ptr.own_answer().has_value());

    CHECK(ask(named("example.org", 0, 0xf1)).state() == State::refused);
    CHECK(ask(named("exa mple.org", 0, 0xf0)).state() == State::refused);
    CHECK(ask(named("localhost", 0, 0xf0)).state() == State::refused);
    CHECK(ask(bytes({5, 0xf1, 0, 1, 10, 0, 0, 1, 0, 0})).state() == State::refused);
    CHECK(ask(bytes({5, 0xf1, 0, 1, 10, 0, 0, 1, 0, 0}), true).state() == State::asked);
    CHECK(ask(named("example.org", 0)).state() == State::refused);
}

TEST_CASE("socks5: the reply to a lookup has one address, public and of IPv4 if there is one") {
    const auto ip = [](const char* text) { return base::IpAddress::parse(text).value(); };
    const std::vector<stream::NameRecord> records{
        {ip("10.0.0.1"), 1}, {ip("2606:4700::1111"), 1},      {ip("8.8.8.8"), 1},
        {ip("8.8.4.4"), 1},  {std::string{"dns.example"}, 1}, {std::string{"second.example"}, 1}};
    const auto answer = [&](std::size_t from, std::size_t count, bool wants_name, bool lab) {
        const std::span<const stream::NameRecord> all{records};
        return std::string{base::as_text(answer_bytes(all.subspan(from, count), wants_name, lab))};
    };
    CHECK(answer(0, 6, false, false) == bytes({5, 0, 0, 1, 8, 8, 8, 8, 0, 0}));
    CHECK(answer(0, 6, false, true) == bytes({5, 0, 0, 1, 10, 0, 0, 1, 0, 0}));
    CHECK(answer(0, 2, false, false) ==
          bytes({5, 0, 0, 4, 0x26, 6, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x11, 0, 0}));
    CHECK(answer(0, 1, false, false) == reply(4));
    CHECK(answer(4, 2, false, false) == reply(4));
    CHECK(answer(0, 4, true, false) == reply(4));
    CHECK(answer(0, 0, false, false) == reply(4));
    CHECK(answer(0, 6, true, false) == bytes({5, 0, 0, 3, 11}) + "dns.example" + bytes({0, 0}));
}

TEST_CASE("socks5: requests that are asked") {
    struct Row {
        std::string input;
        const char* host;
        int port;
    };
    const Row rows[] = {
        {named("example.org", 443), "example.org", 443},
        {named("example.org.", 1), "example.org.", 1},
        {named("A_b-3.X", 65535), "A_b-3.X", 65535},
        {named("single"), "single", 80},
        {named(std::string(63, 'a') + ".b"),
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", 80},
        {named("8.8.8.8"), "8.8.8.8", 80},
        {named("2606:4700::0001"), "2606:4700::1", 80},
        {bytes({5, 1, 0, 1, 8, 8, 4, 4, 0, 53}), "8.8.4.4", 53},
        {bytes({5, 1, 0, 4, 0x26, 6, 0x47, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0xbb}),
         "2606:4700::1", 443},
    };
    for (const auto& row : rows) {
        CAPTURE(row.host);
        const auto outcome = run(hello + row.input + "data sent ahead");
        CHECK(outcome.state == State::asked);
        CHECK(outcome.host == row.host);
        CHECK(outcome.port == row.port);
        CHECK(outcome.output == hello_back);
        CHECK(outcome.used == hello.size() + row.input.size());
    }
}

TEST_CASE("socks5: UDP ASSOCIATE is asked whatever it names, with a key and without a target") {
    struct Row {
        std::string request;
        int port;
    };
    for (const auto& [request, port] :
         {Row{bytes({5, 3, 0, 1, 0, 0, 0, 0, 0, 0}), 0},
          Row{bytes({5, 3, 0, 1, 10, 0, 0, 1, 1, 2}), 258}, Row{named("localhost", 0, 3), 0},
          Row{named("", 0xfffe, 3), 0xfffe}}) {
        Handshake handshake{{.listener = "L"}};
        const auto input = hello + request;
        CHECK(handshake.feed(base::as_bytes(input)) == input.size());
        CHECK(handshake.state() == State::asked);
        CHECK(handshake.associates());
        CHECK(handshake.target().host.empty());
        CHECK_FALSE(handshake.own_answer());
        CHECK(handshake.isolation().empty());
        CHECK(handshake.association_port() == port);
        CHECK(base::as_text(handshake.take_output()) == hello_back);
    }
    Handshake isolated{{.listener = "L"}};
    isolated.feed(base::as_bytes(hello_password + bytes({1, 1, 'u', 1, 'p'}) +
                                 bytes({5, 3, 0, 1, 0, 0, 0, 0, 0, 0})));
    CHECK(isolated.associates());
    CHECK_FALSE(isolated.isolation().empty());
}

TEST_CASE("socks5: each malformed or forbidden request has its reply code") {
    struct Row {
        const char* what;
        std::string input;
        int code;
    };
    const Row rows[] = {
        {"version 4 in the request", bytes({4, 1, 0, 1}), 1},
        {"reserved byte", bytes({5, 1, 7, 1, 8, 8, 8, 8, 0, 80}), 1},
        {"BIND", named("a.b", 80, 2), 7},
        {"UDP ASSOCIATE with an unknown type", bytes({5, 3, 0, 9}), 8},
        {"UDP ASSOCIATE with a reserved byte", bytes({5, 3, 1, 1, 0, 0, 0, 0, 0, 0}), 1},
        {"Tor's next command", named("a.b", 80, 0xf2), 7},
        {"RESOLVE_PTR of a name", named("a.b", 0, 0xf1), 1},
        {"RESOLVE of localhost", named("localhost", 0, 0xf0), 2},
        {"command 0", named("a.b", 80, 0), 7},
        {"address type 0", bytes({5, 1, 0, 0}), 8},
        {"address type 2", bytes({5, 1, 0, 2}), 8},
        {"address type 5", bytes({5, 1, 0, 5, 1, 2, 3}), 8},
        {"BIND with an unknown type", bytes({5, 2, 0, 9}), 8},
        {"port 0", named("a.b", 0), 1},
        {"port 0, literal", bytes({5, 1, 0, 1, 8, 8, 8, 8, 0, 0}), 1},
        {"empty name", named(""), 1},
        {"a dot alone", named("."), 1},
        {"NUL", named(std::string("a\0b", 3)), 1},
        {"control character", named("a\nb"), 1},
        {"DEL", named("a\x7f"), 1},
        {"space", named("a b"), 1},
        {"slash", named("a/b"), 1},
        {"UTF-8", named("m\xc3\xbcnchen.de"), 1},
        {"empty label", named("a..b"), 1},
        {"leading dot", named(".a"), 1},
        {"label of 64", named(std::string(64, 'a')), 1},
        {"254 bytes",
         named(std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') +
               "." + std::string(60, 'd') + "." + std::string(10, 'e')),
         1},
        {"255 bytes",
         named(std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') +
               "." + std::string(60, 'd') + "." + std::string(11, 'e')),
         1},
        {"IPv6 zone", named("fe80::1%eth0"), 1},
        {"brackets", named("[2606:4700::1]"), 1},
        {"short dotted form", named("127.1"), 1},
        {"octal-like form", named("0177.0.0.01"), 1},
        {"hexadecimal form", named("0x7f000001"), 1},
        {"decimal form", named("2130706433"), 1},
        {"number at the end", named("a.1."), 1},
        {"loopback", bytes({5, 1, 0, 1, 127, 0, 0, 1, 0, 80}), 2},
        {"private", bytes({5, 1, 0, 1, 10, 0, 0, 1, 0, 80}), 2},
        {"metadata service", bytes({5, 1, 0, 1, 169, 254, 169, 254, 0, 80}), 2},
        {"::1", bytes({5, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 80}), 2},
        {"private, as a name", named("192.168.0.1"), 2},
        {"mapped private", named("::ffff:10.0.0.1"), 2},
        {"localhost", named("localhost"), 2},
        {"localhost, another case", named("LocalHost."), 2},
        {"below localhost", named("a.localhost"), 2},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const auto outcome = run(hello + row.input);
        CHECK(outcome.state == State::refused);
        CHECK(outcome.output == hello_back + reply(row.code));
    }
}

TEST_CASE("socks5: a lab network may be asked for private targets") {
    CHECK(run(hello + bytes({5, 1, 0, 1, 127, 0, 0, 1, 0, 80}), true).state == State::asked);
    CHECK(run(hello + named("localhost"), true).state == State::asked);
    CHECK(run(hello + named("localhost", 0), true).output == hello_back + reply(1));
}

TEST_CASE("socks5: why a stream was reset decides the reply") {
    using stream::ResetReason;
    struct Row {
        ResetReason reason;
        int code, extended;
    };
    const Row rows[] = {
        {ResetReason::cancelled, 1, 0xe2},      {ResetReason::refused_by_policy, 2, 0xe1},
        {ResetReason::unresolvable, 4, 0xe3},   {ResetReason::unreachable, 4, 4},
        {ResetReason::timed_out, 6, 6},         {ResetReason::connection_refused, 5, 5},
        {ResetReason::protocol_error, 1, 0xe2}, {ResetReason::overload, 0xe6, 0xe6},
        {ResetReason::session_ended, 1, 0xe2},
    };
    for (const auto& [reason, code, extended] : rows) {
        CHECK(int{reply_bytes(reply_for(reason))[1]} == code);
        CHECK(int{reply_bytes(reply_for(reason), true)[1]} == extended);
    }
    CHECK(int{reply_bytes(Reply::no_session)[1]} == 1);
    CHECK(int{reply_bytes(Reply::no_session, true)[1]} == 0xe0);
    CHECK(std::string{base::as_text(reply_bytes(Reply::succeeded))} == reply(0));
}

TEST_CASE("socks5: nothing is taken after the end") {
    Handshake handshake{{}};
    CHECK(handshake.feed(base::as_bytes(hello + named("a.b"))) == hello.size() + 10);
    CHECK(handshake.feed(base::as_bytes("more")) == 0);
    CHECK(handshake.state() == State::asked);
}
