#include "client/protocol/http_connect.hpp"

#include <doctest/doctest.h>

#include <string>

#include "client/protocol/handshake.hpp"

using namespace nightjar;
using namespace nightjar::client::protocol::http;
using client::protocol::Rules;
using client::protocol::socks5::Reply;
using State = Handshake::State;

namespace {

struct Outcome {
    State state;
    std::string output;
    std::size_t used;
    std::string host;
    int port = 0;
    std::string isolation;
    bool operator==(const Outcome&) const = default;
};

Outcome run(const std::string& input, std::size_t chunk, const Rules& rules) {
    Handshake handshake{rules};
    Outcome outcome{};
    while (outcome.used < input.size()) {
        const auto piece = input.substr(outcome.used, chunk);
        const auto used = handshake.feed(base::as_bytes(piece));
        outcome.used += used;
        if (used < piece.size()) break;
    }
    outcome.output = base::as_text(handshake.take_output());
    outcome.state = handshake.state();
    if (outcome.state == State::asked) {
        outcome.host = handshake.target().host;
        outcome.port = handshake.target().port;
        outcome.isolation = handshake.isolation();
    }
    return outcome;
}

/// Feeds the input cut in several ways. The outcome must not depend on the cuts.
Outcome run(const std::string& input, const Rules& rules = {.listener = "L"}) {
    const auto whole = run(input, input.size() + 1, rules);
    for (const std::size_t chunk : {1, 2, 3, 7}) {
        CAPTURE(chunk);
        CHECK(run(input, chunk, rules) == whole);
    }
    return whole;
}

std::string connect_to(const std::string& target, const std::string& fields = "") {
    return "CONNECT " + target + " HTTP/1.1\r\n" + fields + "\r\n";
}

std::string isolation_of(const std::string& fields, const Rules& rules = {.listener = "L"}) {
    const auto outcome = run(connect_to("a.b:443", fields), rules);
    CHECK(outcome.state == State::asked);
    return outcome.isolation;
}

const std::string basic_u_p = "Proxy-Authorization: Basic dTpw\r\n";  // u:p

}  // namespace

TEST_CASE("http: requests that are asked") {
    struct Row {
        std::string target, host;
        int port;
    };
    const Row rows[] = {
        {"a.b:443", "a.b", 443},
        {"a.b.:1", "a.b.", 1},
        {"a_b:65535", "a_b", 65535},
        {"1.2.3.4:80", "1.2.3.4", 80},
        {"[2606:4700:0:0::1]:0080", "2606:4700::1", 80},
    };
    for (const auto& row : rows) {
        CAPTURE(row.target);
        const auto head = connect_to(row.target, "Host: x\r\nUser-Agent: curl/7 (\xc3\xa9)\r\n");
        const auto outcome = run(head + "and what follows");
        CHECK(outcome.state == State::asked);
        CHECK(outcome.output == "");
        CHECK(outcome.used == head.size());
        CHECK(outcome.host == row.host);
        CHECK(outcome.port == row.port);
        CHECK(outcome.isolation == "");
    }
    CHECK(run("CONNECT a.b:1 HTTP/1.0\r\n\r\n").state == State::asked);
    CHECK(run(connect_to("a.b:1", "Content-Length: 0\r\n")).state == State::asked);
    CHECK(run("CONNECT a.b:1 HTTP/1.1\r\nHost: x\r\n").state == State::head);
}

TEST_CASE("http: a malformed request gets status 400 and no target") {
    const std::string rows[] = {
        connect_to("a.b"),
        connect_to("a.b:"),
        connect_to("a.b:0"),
        connect_to("a.b:65536"),
        connect_to("a.b:4294967297"),
        connect_to("a.b:+1"),
        connect_to(":80"),
        connect_to(""),
        connect_to("u@a.b:80"),
        connect_to("http://a.b:80"),
        connect_to("a.b:80/"),
        connect_to("127.1:80"),
        connect_to("[1.2.3.4]:80"),
        connect_to("[a.b]:80"),
        connect_to("2606:4700::1:80"),
        connect_to("[fe80::1%25lo]:80"),
        "CONNECT a.b:80\r\n\r\n",
        "CONNECT a.b:80 HTTP/2.0\r\n\r\n",
        "CONNECT a.b:80 HTTP/1.1 \r\n\r\n",
        "CONNECT  a.b:80 HTTP/1.1\r\n\r\n",
        "CONNECT a.b:80 HTTP/1.1\n\r\n\r\n",
        connect_to("a.b:80", "Host : x\r\n"),
        connect_to("a.b:80", "Host\r\n"),
        connect_to("a.b:80", ": x\r\n"),
        connect_to("a.b:80", "X: a\nOrigin: b\r\n"),
        connect_to("a.b:80", "X: a\rb\r\n"),
        connect_to("a.b:80", "X: a\r\n folded\r\n"),
        connect_to("a.b:80", "Transfer-Encoding: chunked\r\n"),
        connect_to("a.b:80", "content-length: 5\r\n"),
        connect_to("a.b:80", basic_u_p + basic_u_p),
        connect_to("a.b:80", "X-Tor-Stream-Isolation: 1\r\nTor-Stream-Isolation: 1\r\n"),
        connect_to("a.b:80", "Proxy-Authorization: Basic dT\r\n"),                // cut off
        connect_to("a.b:80", "Proxy-Authorization: Basic dXA=\r\n"),              // no colon
        connect_to("a.b:80", "Proxy-Authorization: Basic PG5pZ2h0amFyMD46\r\n"),  // reserved
    };
    for (const auto& row : rows) {
        CAPTURE(row);
        const auto outcome = run(row);
        CHECK(outcome.state == State::refused);
        CHECK(outcome.output.starts_with("HTTP/1.1 400 "));
        CHECK(outcome.output.ends_with("\r\n\r\n"));
    }
    const auto nul = run(connect_to("a.b:80", std::string{"X: a\0b\r\n", 8}));
    CHECK(nul.output.starts_with("HTTP/1.1 400 "));
}

TEST_CASE("http: what a web page can make a browser send gets no answer at all") {
    const std::string rows[] = {
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:9150\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "GET http\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
        "GET http://a.b/ HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n\r\n",
        connect_to("a.b:80", "Origin: https://evil.example\r\n"),
        connect_to("a.b:80", "ReFeReR: https://evil.example/\r\n"),
        connect_to("a.b:80", "Cookie: a=b\r\n"),
        connect_to("a.b:80", "Sec-WebSocket-Key: x\r\n"),
    };
    for (const auto& row : rows) {
        CAPTURE(row);
        const auto outcome = run(row);
        CHECK(outcome.state == State::refused);
        CHECK(outcome.output == "");
    }
    // A program that takes this port for an ordinary HTTP proxy learns that it is none.
    const auto plain = run("GET http://a.b/ HTTP/1.1\r\nHost: a.b\r\n\r\n");
    CHECK(plain.state == State::refused);
    CHECK(plain.output.starts_with("HTTP/1.1 501 "));
}

TEST_CASE("http: a head has a bound") {
    const auto start = "CONNECT a.b:80 HTTP/1.1\r\nX: ";
    const std::string fitting = start + std::string(head_max - 32, 'x') + "\r\n\r\n";
    CHECK(fitting.size() == head_max);
    CHECK(run(fitting).state == State::asked);
    const auto longer = run(start + std::string(2 * head_max, 'x'));
    CHECK(longer.state == State::refused);
    CHECK(longer.used == head_max);
    CHECK(longer.output == "");
}

TEST_CASE("http: private targets are refused, outside of a lab") {
    for (const char* target : {"127.0.0.1:80", "[::1]:80", "localhost:80", "a.LOCALHOST.:80",
                               "10.0.0.1:80", "[::ffff:192.168.0.1]:80"}) {
        CAPTURE(target);
        CHECK(run(connect_to(target)).output.starts_with("HTTP/1.1 403 "));
        CHECK(run(connect_to(target), {.private_targets = true, .listener = "L"}).state ==
              State::asked);
    }
}

TEST_CASE("http: isolation by Proxy-Authorization and by Tor's field") {
    const auto field = [](const std::string& value) {
        return "X-Tor-Stream-Isolation: " + value + "\r\n";
    };
    CHECK(isolation_of("") == "");
    const auto u_p = isolation_of(basic_u_p);
    CHECK(u_p == isolation_of("proxy-authorization:bAsIc  dTpw \r\n"));
    const std::string keys[] = {
        u_p,
        isolation_of("Proxy-Authorization: Basic dTpx\r\n"),  // u:q
        isolation_of("Proxy-Authorization: Basic Og==\r\n"),  // both empty
        isolation_of("Proxy-Authorization: Bearer dTpw\r\n"),
        isolation_of(field("")),
        isolation_of(field("1")),
        isolation_of(field("2")),
        isolation_of(field("1") + basic_u_p),
        isolation_of(basic_u_p, {.listener = "M"}),
    };
    for (const auto& a : keys)
        CHECK(std::count(std::begin(keys), std::end(keys), a) == 1);
    CHECK(std::count(std::begin(keys), std::end(keys), "") == 0);
    CHECK(isolation_of(field("1")) == isolation_of("tor-stream-isolation: 1\r\n"));
    CHECK(isolation_of(basic_u_p, {.listener = "L", .by_credentials = false}) == "");
}

TEST_CASE("http: the credentials of SOCKS5 give the same key") {
    client::protocol::socks5::Handshake socks{{.listener = "L"}};
    const std::string said{
        "\x05\x01\x02\x01\x01u\x01p\x05\x01\x00\x03\x03"
        "a.b\x00\x50",
        18};
    socks.feed(base::as_bytes(said));
    CHECK(socks.state() == client::protocol::socks5::Handshake::State::asked);
    CHECK(socks.isolation() == isolation_of(basic_u_p));
}

TEST_CASE("http: every outcome has a status, and a word of RFC 9209") {
    const auto text = [](Reply reply) {
        return std::string{base::as_text(client::protocol::http::reply_bytes(reply))};
    };
    CHECK(text(Reply::succeeded) == "HTTP/1.1 200 Connected\r\n\r\n");
    const std::tuple<Reply, const char*, const char*> rows[] = {
        {Reply::not_allowed, "403", "destination_ip_prohibited"},
        {Reply::refused_by_exit, "403", "destination_ip_prohibited"},
        {Reply::unresolved, "502", "dns_error"},
        {Reply::host_unreachable, "502", "destination_ip_unroutable"},
        {Reply::connection_refused, "502", "connection_refused"},
        {Reply::session_ended, "502", "connection_terminated"},
        {Reply::general_failure, "502", "proxy_internal_error"},
        {Reply::no_session, "503", "destination_unavailable"},
        {Reply::overloaded, "503", "connection_limit_reached"},
        {Reply::ttl_expired, "504", "connection_timeout"},
    };
    for (const auto& [reply, status, error] : rows) {
        const auto said = text(reply);
        CAPTURE(said);
        CHECK(said.starts_with(std::string{"HTTP/1.1 "} + status + " "));
        CHECK(said.find(std::string{"Proxy-Status: nightjar; error="} + error + "\r\n") !=
              std::string::npos);
    }
}

TEST_CASE("http: a request that is cut while it arrives") {
    Handshake begun{{}};
    begun.feed(base::as_bytes("CONNECT a.b"));
    begun.cut();
    CHECK(base::as_text(begun.take_output()).starts_with("HTTP/1.1 503 "));
    Handshake unknown{{}};
    unknown.feed(base::as_bytes("GET /"));
    unknown.cut();
    CHECK(unknown.take_output().empty());
    CHECK(unknown.state() == State::refused);
    CHECK(unknown.feed(base::as_bytes("more")) == 0);
}

TEST_CASE("proxy port: the first byte decides which protocol is spoken") {
    using Either = client::protocol::Handshake;
    Either http{{}};
    CHECK(http.feed(base::as_bytes("C")) == 1);
    http.feed(base::as_bytes("ONNECT a.b:80 HTTP/1.1\r\n\r\n"));
    CHECK(http.state() == Either::State::asked);
    CHECK(http.target() == stream::Target{"a.b", 80});
    CHECK(!http.wants_name());
    CHECK(!http.own_answer());
    CHECK(base::as_text(http.reply_bytes(Reply::unresolved)).starts_with("HTTP/1.1 502 "));

    Either socks{{.listener = "L", .extended_errors = true}};
    CHECK(socks.state() == Either::State::reading);
    const std::string said{"\x05\x01\x00\x05\xf1\x00\x01\x01\x02\x03\x04\x00\x00", 13};
    CHECK(socks.feed(base::as_bytes(said)) == said.size());
    CHECK(socks.take_output() == base::Bytes{5, 0});
    CHECK(socks.state() == Either::State::asked);
    CHECK(socks.wants_name());
    CHECK(socks.reply_bytes(Reply::unresolved)[1] == 0xe3);

    Either neither{{}};
    neither.feed(base::as_bytes("lower case"));
    CHECK(neither.state() == Either::State::refused);
    CHECK(neither.take_output().empty());
    Either nothing{{}};
    nothing.cut();
    CHECK(nothing.state() == Either::State::refused);
    CHECK(nothing.take_output()[0] == 5);
}

TEST_CASE("transparent port: the kernel's word is the request, and no byte is an answer") {
    using Either = client::protocol::Handshake;
    Either shared{{.listener = "L"}, {"a.b", 80}};
    CHECK(shared.silent());
    CHECK(shared.state() == Either::State::asked);
    CHECK(shared.target() == stream::Target{"a.b", 80});
    CHECK(shared.isolation() == "");
    CHECK(shared.feed(base::as_bytes("GET / HTTP/1.1\r\n\r\n")) == 0);
    CHECK(shared.take_output().empty());
    for (const auto reply : {Reply::succeeded, Reply::overloaded})
        CHECK(shared.reply_bytes(reply).empty());
    const Either apart{{.listener = "L", .by_listener = true}, {"a.b", 80}};
    const Either other{{.listener = "M", .by_listener = true}, {"a.b", 80}};
    CHECK(apart.isolation() != "");
    CHECK(apart.isolation() != other.isolation());
    CHECK(!Either{{}}.silent());
}
