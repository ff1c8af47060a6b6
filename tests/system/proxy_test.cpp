// The SOCKS5 port with real sockets and a real core. The core's link leads nowhere, so no exit
// answers. Tests what applications can do to the client.
#include "client/apps/proxy.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <functional>

#include "sphinx/node/files/key_file.hpp"
#include "sphinx/packet/keys.hpp"

using namespace nightjar;
using namespace nightjar::client::apps;
using namespace nightjar::client::core;
using asio::ip::tcp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

namespace {

base::ByteArray<32> random_key() {
    base::SystemRandom random;
    return packet::generate_key_pair(random).public_key.bytes;
}

std::shared_ptr<const directory::Document> network() {
    auto document = std::make_shared<directory::Document>();
    for (std::uint8_t i = 1; i <= 5; ++i) {
        directory::Relay relay;
        relay.identity.bytes[0] = i;
        relay.mix_key.bytes = random_key();
        relay.next_mix_key.bytes = random_key();
        relay.layer = i <= 3 ? i : 0;
        if (relay.layer == 0) {
            relay.role = directory::Role::gateway;
            relay.exit_policy = "accept 80";
        }
        document->relays.push_back(relay);
    }
    document->epoch = directory::epoch_at(
        std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now()),
        document->parameters.epoch_length);
    return document;
}

ProxyLimits quick() {
    ProxyLimits limits;
    limits.handshakes = 4;
    limits.connections = 8;
    limits.handshake = base::Seconds{1};
    limits.answer = base::Seconds{1};
    limits.send_refusal = base::Seconds{1};
    return limits;
}

/// A proxy whose core has an open session. The test runs its I/O loop.
struct Fixture {
    explicit Fixture(ProxyLimits limits = quick())
        : tasks{context.get_executor(),
                [](const std::string& task, const std::string& what) { FAIL(task << what); }},
          document{network()},
          core{document, {}, document->relays[3].identity, random, Clock::now()},
          proxy{context.get_executor(), tasks, limits} {
        core.connected(Clock::now(),
                       std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now()));
        const auto at = directory::parse_endpoint(proxy.listen({.endpoint = {"127.0.0.1", 0}}));
        address = {asio::ip::make_address(at->host), at->port};
        proxy.serve(core, false);
    }
    ~Fixture() {
        proxy.close();
        tasks.cancel();
        run_until([this] { return tasks.running() == 0; });
    }

    bool run_until(const std::function<bool()>& done, base::Milliseconds most = base::Seconds{20}) {
        const auto deadline = Clock::now() + most;
        bool is = done();
        while (!is && Clock::now() < deadline) {
            context.restart();
            context.run_for(base::Milliseconds{5});
            proxy.dispatch();
            is = done();  // once in each round: a look may read
        }
        return is;
    }

    tcp::socket connect() {
        tcp::socket socket{context};
        socket.connect(address);
        socket.non_blocking(true);
        return socket;
    }

    /// Sends `text` and reads until the other side closes. Returns the bytes read, and true if the
    /// close was orderly.
    std::pair<std::string, bool> talk(tcp::socket& socket, const std::string& text) {
        if (!text.empty()) asio::write(socket, asio::buffer(text));
        std::string answer;
        error_code error;
        run_until([&] {
            char bytes[256];
            const auto count = socket.read_some(asio::buffer(bytes), error);
            answer.append(bytes, count);
            return error && error != asio::error::would_block;
        });
        return {answer, error == asio::error::eof};
    }

    std::size_t streams() {
        std::size_t count = 0;
        for (const auto& session : core.status(Clock::now()).sessions)
            count += session.streams;
        return count;
    }

    asio::io_context context{1};
    node::process::TaskGroup tasks;
    base::SystemRandom random;
    std::shared_ptr<const directory::Document> document;
    Core core;
    Proxy proxy;
    tcp::endpoint address;
};

const std::string hello{"\x05\x01\x00", 3};
const std::string hello_back{"\x05\x00", 2};
const std::string request =
    std::string{"\x05\x01\x00\x03\x03", 5} + "a.b" + std::string{"\0\x50", 2};

std::string reply(char code) {
    return std::string{"\x05", 1} + code + std::string{"\0\x01\0\0\0\0\0\0", 8};
}

const std::string overloaded = reply(static_cast<char>(0xe6));

}  // namespace

TEST_CASE("proxy: refusals arrive whole, then the connection ends well") {
    Fixture fixture;
    const std::string bind =
        std::string{"\x05\x02\x00\x03\x03", 5} + "a.b" + std::string{"\0\x50", 2};
    const std::pair<std::string, std::string> rows[] = {
        {hello + bind, hello_back + reply(7)},
        {hello + bind + std::string(5000, 'x'),
         hello_back + reply(7)},  // more than the proxy reads
        {hello + std::string{"\x05\x01\x00\x01\x7f\0\0\x01\0\x50", 10}, hello_back + reply(2)},
        {std::string{"\x05\x01\x01", 3}, std::string{"\x05\xff", 2}},
        {std::string{"\x16\x03\x01", 3}, ""},
    };
    for (const auto& [sent, expected] : rows) {
        auto socket = fixture.connect();
        const auto [answer, ended_well] = fixture.talk(socket, sent);
        CHECK(answer == expected);
        CHECK(ended_well);
    }
    auto plain = fixture.connect();
    CHECK(fixture.talk(plain, "GET http://a/ HTTP/1.1\r\n\r\n").first.starts_with("HTTP/1.1 501"));
    auto browser = fixture.connect();
    CHECK(fixture.talk(browser, "GET / HTTP/1.1\r\n\r\n") == std::pair{std::string{}, true});
    auto denied = fixture.connect();
    CHECK(fixture.talk(denied, "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n")
              .first.starts_with("HTTP/1.1 403"));
    CHECK(fixture.run_until([&] { return fixture.proxy.applications() == 0; }));
    CHECK(fixture.streams() == 0);
}

TEST_CASE("proxy: a handshake has an absolute deadline, however slowly it drips") {
    Fixture fixture;
    auto silent = fixture.connect();
    auto slow = fixture.connect();
    const auto begun = Clock::now();
    std::size_t sent = 0;
    const auto drip = [&] {
        error_code error;
        if (sent < 200 && Clock::now() - begun > sent * base::Milliseconds{100}) {
            const char bytes[2] = {5, static_cast<char>(0xff)};
            slow.write_some(asio::buffer(sent == 0 ? &bytes[0] : &bytes[1], 1), error);
            ++sent;
        }
        return sent > 2 && fixture.proxy.applications() == 0;
    };
    CHECK(fixture.run_until(drip));
    CHECK(Clock::now() - begun < base::Seconds{3});
}

TEST_CASE("proxy: too many handshakes cut the oldest, so slow ones keep no client out") {
    Fixture fixture;
    std::vector<tcp::socket> idle;
    for (int i = 0; i < 4; ++i) {
        idle.push_back(fixture.connect());
        if (i == 1) asio::write(idle.back(), asio::buffer(hello));
        if (i == 2) asio::write(idle.back(), asio::buffer("\x05\x01\x02", 3));
        CHECK(fixture.run_until([&] { return fixture.proxy.applications() == idle.size(); }));
    }
    auto late = fixture.connect();
    const auto [answer, ended_well] = fixture.talk(late, hello + std::string{"\x05\x09\0\x09", 4});
    CHECK(answer == hello_back + reply(8));
    // The oldest reads a general failure as the reply to its request, wherever it was.
    CHECK(fixture.talk(idle[0], hello + request) == std::pair{hello_back + reply(1), true});
    CHECK(fixture.proxy.refused() == 1);
    for (int i = 0; i < 3; ++i)  // the first of these takes the place that `late` has left
        idle.push_back(fixture.connect());
    CHECK(fixture.run_until([&] { return fixture.proxy.refused() == 3; }));
    CHECK(fixture.talk(idle[1], request) == std::pair{hello_back + reply(1), true});
    const std::string credentials{"\x01\x01u\x01p", 5};
    CHECK(fixture.talk(idle[2], credentials + request) ==
          std::pair{std::string{"\x05\x02\x01\0", 4} + reply(1), true});
}

TEST_CASE("proxy: no answer from the exit in time is TTL expired") {
    Fixture fixture;
    auto socket = fixture.connect();
    const auto [answer, ended_well] = fixture.talk(socket, hello + request + "sent ahead");
    CHECK(answer == hello_back + reply(6));
    CHECK(ended_well);
    CHECK(fixture.run_until([&] { return fixture.proxy.applications() == 0; }));
    CHECK(fixture.streams() == 0);
}

TEST_CASE("proxy: no answer from the exit in time is a gateway timeout over HTTP") {
    Fixture fixture;
    auto socket = fixture.connect();
    const auto [answer, ended_well] =
        fixture.talk(socket, "CONNECT a.b:80 HTTP/1.1\r\n\r\nsent ahead");
    CHECK(answer.starts_with("HTTP/1.1 504 "));
    CHECK(answer.ends_with("\r\n\r\n"));
    CHECK(ended_well);
    CHECK(fixture.run_until([&] { return fixture.proxy.applications() == 0; }));
    CHECK(fixture.streams() == 0);
}

TEST_CASE("proxy: with early success an application is connected at once, and an error resets it") {
    auto limits = quick();
    limits.early_success = client::protocol::EarlySuccess::web;
    Fixture fixture{limits};
    auto socket = fixture.connect();
    const auto begun = Clock::now();
    asio::write(socket, asio::buffer(hello + request));
    std::string answer;
    error_code error;
    const auto read = [&] {
        char bytes[64];
        const auto count = socket.read_some(asio::buffer(bytes), error);
        answer.append(bytes, count);
        return answer == hello_back + reply(0);
    };
    CHECK(fixture.run_until(read, base::Seconds{1}));
    CHECK(fixture.streams() == 1);
    // One that has sent all may close its side: it still reads the answer.
    auto half = fixture.connect();
    asio::write(half, asio::buffer(hello + request + "GET"));
    half.shutdown(tcp::socket::shutdown_send);
    CHECK(fixture.run_until([&] { return fixture.proxy.applications() == 2; }));
    CHECK_FALSE(fixture.run_until([&] { return fixture.proxy.applications() < 2; },
                                  base::Milliseconds{300}));
    // The exit has its time to answer.
    const auto [more, ended_well] = fixture.talk(socket, "GET");
    CHECK(more == "");
    CHECK_FALSE(ended_well);
    CHECK(Clock::now() - begun >= limits.answer);
    CHECK(fixture.run_until([&] { return fixture.proxy.applications() == 0; }));
    CHECK(fixture.streams() == 0);
    // What the client itself knows still has its code, and so has a port that is not the web's.
    const std::string port_81 =
        std::string{"\x05\x01\x00\x03\x03", 5} + "a.b" + std::string{"\0\x51", 2};
    auto other = fixture.connect();
    CHECK(fixture.talk(other, hello + port_81) == std::pair{hello_back + reply(6), true});
    auto local = fixture.connect();
    CHECK(fixture.talk(local, hello + std::string{"\x05\x01\0\x01\x7f\0\0\x01\0\x50", 10}) ==
          std::pair{hello_back + reply(2), true});
}

TEST_CASE("proxy: a connection that waits for a place is not told early that it is connected") {
    auto limits = quick();
    limits.connections = limits.handshakes = stream::session_streams_max + 1;
    limits.answer = base::Seconds{3};
    limits.early_success = client::protocol::EarlySuccess::always;
    Fixture fixture{limits};
    std::vector<tcp::socket> open;
    for (std::size_t i = 0; i < stream::session_streams_max; ++i) {
        open.push_back(fixture.connect());
        asio::write(open.back(), asio::buffer(hello + request));
    }
    CHECK(fixture.run_until([&] { return fixture.streams() == open.size(); }));
    auto further = fixture.connect();
    CHECK(fixture.talk(further, hello + request) == std::pair{hello_back + overloaded, true});
}

TEST_CASE("proxy: an application that vanishes before its answer leaves nothing behind") {
    for (const bool reset : {false, true}) {
        auto limits = quick();
        limits.answer = base::Seconds{60};
        Fixture fixture{limits};
        auto socket = fixture.connect();
        asio::write(socket, asio::buffer(hello + request));
        CHECK(fixture.run_until([&] { return fixture.streams() == 1; }));
        if (reset) socket.set_option(asio::socket_base::linger{true, 0});
        socket.close();
        CHECK(fixture.run_until([&] { return fixture.proxy.applications() == 0; }));
        CHECK(fixture.streams() == 0);
    }
}

TEST_CASE("proxy: no more connections than its bound") {
    auto limits = quick();
    limits.answer = base::Seconds{60};
    Fixture fixture{limits};
    std::vector<tcp::socket> open;
    for (int i = 0; i < 8; ++i) {
        open.push_back(fixture.connect());
        asio::write(open.back(), asio::buffer(hello + request));
        CHECK(fixture.run_until([&] { return fixture.streams() == open.size(); }));
    }
    auto further = fixture.connect();
    CHECK(fixture.talk(further, hello + request) == std::pair{hello_back + overloaded, true});
    CHECK(fixture.streams() == 8);
    CHECK(fixture.proxy.refused() == 1);
}

TEST_CASE("proxy: a connection that finds no place in its session in time learns so") {
    auto limits = quick();
    limits.connections = limits.handshakes = stream::session_streams_max + 1;
    limits.answer = base::Seconds{3};
    Fixture fixture{limits};
    std::vector<tcp::socket> open;
    for (std::size_t i = 0; i < stream::session_streams_max; ++i) {
        open.push_back(fixture.connect());
        asio::write(open.back(), asio::buffer(hello + request));
    }
    CHECK(fixture.run_until([&] { return fixture.streams() == open.size(); }));
    auto further = fixture.connect();
    asio::write(further, asio::buffer(hello + request));
    CHECK(fixture.run_until([&] { return fixture.core.status(Clock::now()).waiting == 1; }));
    CHECK(fixture.talk(further, "") == std::pair{hello_back + overloaded, true});
    CHECK(fixture.talk(open.front(), "") == std::pair{hello_back + reply(6), true});
    CHECK(fixture.run_until([&] { return fixture.core.status(Clock::now()).waiting == 0; }));
}

TEST_CASE("proxy: an application's socket is read no further than its stream has room") {
    auto limits = quick();
    limits.answer = base::Seconds{60};
    Fixture fixture{limits};
    auto socket = fixture.connect();
    asio::write(socket, asio::buffer(hello + request));
    CHECK(fixture.run_until([&] { return fixture.streams() == 1; }));
    const std::string piece(65536, 'x');
    std::size_t sent = 0;
    error_code error;
    auto last = Clock::now();
    CHECK(fixture.run_until(
        [&] {
            const auto count = socket.write_some(asio::buffer(piece), error);
            sent += count;
            if (count > 0) last = Clock::now();
            return Clock::now() - last > base::Seconds{1};  // the kernel's buffers are full too
        },
        base::Seconds{20}));
    CHECK(error == asio::error::would_block);
    // The stream's 256 KiB, plus the kernel's buffers for a loopback connection.
    CHECK(sent < 16 * 1024 * 1024);
    CHECK(fixture.proxy.applications() == 1);
}
