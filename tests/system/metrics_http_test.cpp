#include "sphinx/node/scrape/metrics_http.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::node::scrape;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto page = "# TYPE a_total counter\na_total 1\n";

/// The listener on a separate thread.
class Server {
 public:
    explicit Server(HttpLimits limits = {}, HttpAccess access = {})
        : tasks_{io_.get_executor(), [](const std::string&, const std::string&) {}},
          http_{io_.get_executor(),
                {asio::ip::address_v4::loopback(), 0},
                {[] { return std::string{page}; },
                 [this]() -> std::optional<std::string> {
                     return ready ? std::nullopt : std::optional<std::string>{"starting"};
                 }},
                tasks_,
                limits,
                std::move(access)},
          port_{http_.local().port()} {
        tasks_.spawn("listener", http_.run());
        thread_ = std::thread{[this] { io_.run(); }};
    }
    ~Server() {
        asio::post(io_, [this] {
            http_.close();
            tasks_.cancel();
        });
        thread_.join();
    }
    tcp::socket connect() {
        tcp::socket socket{client_io_};
        socket.connect({asio::ip::address_v4::loopback(), port_});
        return socket;
    }
    /// Sends `request` and returns all bytes until the other side closes.
    std::string exchange(const std::string& request) {
        auto socket = connect();
        boost::system::error_code error;
        asio::write(socket, asio::buffer(request), error);
        std::string answer;
        asio::read(socket, asio::dynamic_buffer(answer), error);
        return answer;
    }

    std::atomic<bool> ready{true};

 private:
    asio::io_context io_;
    asio::io_context client_io_;
    node::process::TaskGroup tasks_;
    MetricsHttp http_;
    std::uint16_t port_;
    std::thread thread_;
};

std::string of(const std::string& method, const std::string& path) {
    return method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

std::string get(const std::string& path) {
    return of("GET", path);
}

}  // namespace

TEST_CASE("metrics listener: three pages and nothing else") {
    Server server;
    struct Case {
        std::string request;
        std::string status;
        std::string body;
    };
    for (const auto& c :
         std::vector<Case>{{get("/metrics"), "HTTP/1.1 200", page},
                           {get("/livez"), "HTTP/1.1 200", "alive\n"},
                           {get("/readyz"), "HTTP/1.1 200", "ready\n"},
                           {get("/"), "HTTP/1.1 404", ""},
                           {get("/metrics?x=1"), "HTTP/1.1 200", page},
                           {get("/readyz?"), "HTTP/1.1 200", "ready\n"},
                           {get("/livez?a=/b?c#d"), "HTTP/1.1 200", "alive\n"},
                           {get("/?/metrics"), "HTTP/1.1 404", ""},
                           {get("/metricsx?x=1"), "HTTP/1.1 404", ""},
                           {get("?/metrics"), "HTTP/1.1 404", ""},
                           {get("/../etc/passwd"), "HTTP/1.1 404", ""},
                           {get("/metrics/"), "HTTP/1.1 404", ""},
                           {of("POST", "/metrics"), "HTTP/1.1 405", "GET or HEAD only\n"},
                           {of("OPTIONS", "*"), "HTTP/1.1 405", "GET or HEAD only\n"},
                           {"nonsense\r\n\r\n", "HTTP/1.1 400", ""},
                           {"GET /metrics HTTP/1.1\r\nX: " + std::string(2000, 'a') + "\r\n\r\n",
                            "HTTP/1.1 431", ""}}) {
        const auto answer = server.exchange(c.request);
        INFO(c.request.substr(0, 60) << " -> " << answer);
        CHECK(answer.starts_with(c.status));
        CHECK(answer.ends_with("\r\n\r\n" + c.body) == !c.body.empty());
    }
}

TEST_CASE("metrics listener: HEAD has the head of GET and no body") {
    Server server;
    for (const bool ready : {true, false}) {
        server.ready = ready;
        for (const auto* path : {"/metrics", "/metrics?x=1", "/livez", "/readyz", "/nothing"}) {
            const auto whole = server.exchange(get(path));
            const auto head = server.exchange(of("HEAD", path));
            INFO(path << " -> " << head);
            CHECK(head == whole.substr(0, whole.find("\r\n\r\n") + 4));
        }
    }
    // A body that is not there cannot stand before the next answer, so no other answer has one.
    for (const auto& request : {of("HEAD", "/" + std::string(2000, 'a')),
                                std::string{"HEAD /livez HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"},
                                std::string{"HEAD /livez HTTP/1.1\r\nbroken\r\n\r\n"}}) {
        const auto answer = server.exchange(request);
        INFO(request.substr(0, 60) << " -> " << answer);
        CHECK(answer.starts_with("HTTP/1.1 4"));
        CHECK(answer.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("metrics listener: a refused method learns which ones are allowed") {
    Server server;
    for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"}) {
        const auto answer = server.exchange(of(method, "/metrics"));
        INFO(method << " -> " << answer);
        CHECK(answer.starts_with("HTTP/1.1 405"));
        CHECK(answer.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
    }
}

TEST_CASE("metrics listener: not ready has a reason") {
    Server server;
    server.ready = false;
    const auto answer = server.exchange(get("/readyz"));
    CHECK(answer.starts_with("HTTP/1.1 503"));
    CHECK(answer.ends_with("\r\n\r\nnot ready: starting\n"));
}

TEST_CASE("metrics listener: answers are the same to the last byte") {
    Server server;
    const auto first = server.exchange(get("/metrics"));
    for (int i = 0; i < 100; ++i)
        REQUIRE(server.exchange(get("/metrics")) == first);
}

TEST_CASE("metrics listener: silent peers hold four places, for their time only") {
    HttpLimits limits;
    limits.deadline = base::Seconds{2};
    Server server{limits};
    std::vector<tcp::socket> silent;
    for (int i = 0; i < 4; ++i)
        silent.push_back(server.connect());
    CHECK(server.exchange(get("/livez")).empty());  // connections are taken in their order
    // A peer that sends a byte now and then also runs out of time.
    boost::system::error_code error;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!error) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        asio::write(silent[0], asio::buffer("G", 1), error);
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    while (!server.exchange(get("/livez")).starts_with("HTTP/1.1 200"))
        REQUIRE(std::chrono::steady_clock::now() < end);
}

TEST_CASE(
    "metrics listener: in a storm of scrapes each gets the page or nothing, and then all goes on") {
    Server server;
    const auto whole = server.exchange(get("/metrics"));
    constexpr int scrapes = 100;
    std::atomic<int> served{0};
    std::atomic<int> closed{0};
    std::vector<std::thread> readers;
    for (int reader = 0; reader < 8; ++reader)
        readers.emplace_back([&] {
            for (int i = 0; i < scrapes; ++i) {
                const auto answer = server.exchange(get("/metrics"));
                if (answer == whole) ++served;
                if (answer.empty()) ++closed;
            }
        });
    for (auto& reader : readers)
        reader.join();
    CHECK(served + closed == 8 * scrapes);
    CHECK(served > 0);
    CHECK(server.exchange(get("/metrics")) == whole);
}

TEST_CASE("metrics listener: OpenMetrics for those who ask for it") {
    Server server;
    const auto ask = [&](const std::string& accept) {
        return server.exchange("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + accept +
                               "\r\n\r\n");
    };
    const auto open = ask("application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    CHECK(
        open.find("\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8") !=
        std::string::npos);
    CHECK(open.ends_with("\r\n\r\n# TYPE a counter\na_total 1\n# EOF\n"));
    const auto plain = ask("text/plain");
    CHECK(plain.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8") !=
          std::string::npos);
    CHECK(plain.ends_with(std::string{"\r\n\r\n"} + page));
}

TEST_CASE("metrics listener: without its token every page is refused") {
    const std::string token(32, 't');
    Server server{{}, {{}, token}};
    const auto ask = [&](const std::string& path, const std::string& authorization) {
        return server.exchange("GET " + path + " HTTP/1.1\r\nHost: x\r\n" + authorization + "\r\n");
    };
    for (const auto* path : {"/metrics", "/livez", "/readyz", "/nothing"}) {
        for (const auto& wrong : {std::string{}, std::string{"Authorization: Bearer \r\n"},
                                  "Authorization: Bearer " + token + "t\r\n",
                                  "Authorization: Bearer " + token.substr(1) + "\r\n",
                                  "Authorization: Bearer " + std::string(32, 'u') + "\r\n",
                                  "Authorization: Basic " + token + "\r\n"}) {
            const auto answer = ask(path, wrong);
            INFO(path << " " << wrong << " -> " << answer);
            CHECK(answer.starts_with("HTTP/1.1 401"));
            CHECK(answer.find("\r\nWWW-Authenticate: Bearer\r\n") != std::string::npos);
            CHECK(answer.find("a_total") == std::string::npos);
        }
    }
    CHECK(ask("/metrics", "Authorization: Bearer " + token + "\r\n").starts_with("HTTP/1.1 200"));
}

TEST_CASE("metrics listener: what a page in a browser asks of a client gets no answer") {
    Server server{{}, {.not_for_pages = true}};
    const auto ask = [&](const std::string& host, const std::string& path = "/metrics") {
        return server.exchange("GET " + path + " HTTP/1.1\r\n" + host + "\r\n");
    };
    for (const auto* name : {"rebound.example", "rebound.example:9465", "127.0.0.1.example:9465",
                             "localhost.example", "x", "[::1", "]"}) {
        const auto answer = ask("Host: " + std::string{name} + "\r\n");
        INFO(name << " -> " << answer);
        CHECK(answer.empty());
    }
    // <script src=http://127.0.0.1:9465/readyz onload=… onerror=…> runs the one for 200, the other
    // for 503: fields of Chromium 156 and Firefox 153, and what older browsers send.
    const std::string host{"Host: 127.0.0.1:9465\r\n"};
    for (const bool ready : {true, false}) {
        server.ready = ready;
        for (const auto* field : {"Sec-Fetch-Site: cross-site", "sec-fetch-mode: no-cors",
                                  "Sec-Fetch-Dest: script", "sec-ch-ua-mobile: ?0", "Origin: null",
                                  "REFERER: http://site.example/", "Cookie: a=b"})
            for (const auto* path : {"/readyz", "/livez", "/metrics", "/nothing"}) {
                INFO(field << " " << path);
                CHECK(ask(host + field + "\r\n", path).empty());
            }
    }
    CHECK(ask(host + "Sec: x\r\nSecond: y\r\n", "/readyz").starts_with("HTTP/1.1 503"));
    // What it sends where no HTTP is, or with a long path, and what asks without reading.
    CHECK(server.exchange("\x16\x03\x01 no HTTP\r\n\r\n").empty());
    CHECK(ask(host, "/" + std::string(2000, 'x')).empty());
    CHECK(server.exchange("OPTIONS /metrics HTTP/1.1\r\n" + host + "Origin: null\r\n\r\n").empty());
    for (const auto* own : {"Host: 127.0.0.1:9465\r\n", "Host: 127.0.0.1\r\n",
                            "Host: [::1]:9465\r\n", "Host: localhost:9465\r\n", ""})
        CHECK(ask(own).starts_with("HTTP/1.1 200"));
}

TEST_CASE("metrics listener: a connection from an address that is not allowed is closed") {
    const auto network = [](const char* address, int prefix) {
        return base::IpNetwork{base::IpAddress::parse(address).value(), prefix};
    };
    Server closed{{}, {{network("192.0.2.0", 24), network("127.0.0.2", 32)}, ""}};
    CHECK(closed.exchange(get("/livez")).empty());
    Server open{{}, {{network("192.0.2.0", 24), network("127.0.0.0", 8)}, ""}};
    CHECK(open.exchange(get("/livez")).starts_with("HTTP/1.1 200"));
}

TEST_CASE("metrics listener: an IPv4 address is known in IPv6's form too") {
    const HttpAccess access{{base::IpNetwork{base::IpAddress::parse("192.0.2.0").value(), 24},
                             base::IpNetwork{base::IpAddress::parse("2001:db8::").value(), 32}},
                            ""};
    for (const auto* inside : {"192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"})
        CHECK(access.allows(asio::ip::make_address(inside)));
    for (const auto* outside : {"192.0.3.7", "::ffff:192.0.3.7", "2001:db9::1", "::1"})
        CHECK_FALSE(access.allows(asio::ip::make_address(outside)));
    CHECK(HttpAccess{}.allows(asio::ip::make_address("::1")));
}

TEST_CASE("metrics listener: a unix socket, for its user and group") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "metrics.sock";
    asio::io_context io;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    const auto make = [&] {
        return std::make_unique<MetricsHttp>(io.get_executor(), file,
                                             HttpPages{[] { return std::string{page}; },
                                                       [] { return std::optional<std::string>{}; }},
                                             tasks);
    };
    auto http = make();
    CHECK(std::filesystem::status(file).permissions() == std::filesystem::perms{0660});
    CHECK_THROWS_AS(make(), node::process::StartupError);
    tasks.spawn("listener", http->run());
    std::thread thread{[&] { io.run(); }};
    asio::io_context client_io;
    asio::local::stream_protocol::socket socket{client_io};
    socket.connect(asio::local::stream_protocol::endpoint{file.string()});
    asio::write(socket, asio::buffer(get("/metrics")));
    std::string answer;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(answer), error);
    CHECK(answer.starts_with("HTTP/1.1 200"));
    CHECK(answer.ends_with(page));
    asio::post(io, [&] {
        http->close();
        tasks.cancel();
    });
    thread.join();
    CHECK(!std::filesystem::exists(file));
}
