// Our HTTPS server and client over real sockets. Row 43 of the table of faults: peers that drip or
// hang are bounded, on both sides.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <thread>

#include "sphinx/directory/gzip.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/https/client.hpp"
#include "sphinx/node/https/pinned_tls.hpp"
#include "sphinx/node/https/server.hpp"
#include "sphinx/node/https/zstd.hpp"
#include "sphinx/node/process/clocks.hpp"

using namespace nightjar;
using namespace nightjar::node::https;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

using Raw = asio::ssl::stream<tcp::socket>;
using MaybeReply = std::optional<base::Result<Reply, std::string>>;

asio::awaitable<void> put_reply(Peer peer, Request request, ClientLimits limits,
                                MaybeReply& reply) {
    reply = co_await node::https::ask(peer, request, limits);
}

/// The server on a thread of its own. It answers a POST with its body, and a GET with its target.
class Echo {
 public:
    explicit Echo(ServerLimits limits = {})
        : seed_{node::files::new_key()},
          tasks_{io_.get_executor(), [](const std::string&, const std::string&) {}},
          server_{io_.get_executor(),
                  {asio::ip::address_v4::loopback(), 0},
                  "listen",
                  seed_,
                  [this](const Request& request) {
                      ++asked;
                      if (request.target == "/fail") throw std::runtime_error{"as the test wants"};
                      Answer answer;
                      auto body = request.method == "POST" ? request.body : request.target;
                      answer.coding = request.coding;
                      if (request.target == "/unasked")
                          answer.coding =
                              request.coding == Coding::none ? Coding::gzip : Coding::zstd;
                      if (request.target == "/bomb") body = std::string(3'000'000, 'x');
                      if (answer.coding == Coding::gzip) body = directory::gzip(body);
                      if (answer.coding == Coding::zstd) body = zstd(body);
                      if (request.target == "/cut") body.pop_back();
                      answer.body = body;
                      return answer;
                  },
                  tasks_,
                  limits} {
        key.bytes = node::files::ed25519_public(seed_);
        address = {{}, server_.local().port()};
        address.address.bytes[0] = 127;
        address.address.bytes[3] = 1;
        tasks_.spawn("server", server_.run());
        thread_ = std::thread{[this] { io_.run(); }};
    }
    ~Echo() {
        asio::post(io_, [this] {
            server_.close();
            tasks_.cancel();
        });
        thread_.join();
    }

    base::Result<Reply, std::string> ask(const Request& request, ClientLimits limits = {}) const {
        return ask({address, key}, request, limits);
    }
    static base::Result<Reply, std::string> ask(const Peer& peer, const Request& request,
                                                ClientLimits limits = {}) {
        asio::io_context io;
        node::process::TaskGroup tasks{io.get_executor(),
                                       [](const std::string&, const std::string&) {}};
        MaybeReply reply;
        tasks.spawn("request", put_reply(peer, request, limits, reply));
        io.run();
        return *reply;
    }
    /// A connection after its handshake.
    std::unique_ptr<Raw> connect(asio::io_context& io) {
        auto raw = std::make_unique<Raw>(io, context_.get());
        raw->next_layer().connect({asio::ip::address_v4::loopback(), address.port});
        raw->handshake(Raw::client);
        return raw;
    }
    /// Sends bytes as they are, and returns the answer; empty if there is none.
    std::string whole_answer(const std::string& bytes) {
        asio::io_context io;
        auto raw = connect(io);
        boost::system::error_code error;
        asio::write(*raw, asio::buffer(bytes), error);
        std::string answer;
        asio::read(*raw, asio::dynamic_buffer(answer), error);
        return answer;
    }
    /// The first line of it.
    std::string exchange(const std::string& bytes) {
        const auto answer = whole_answer(bytes);
        return answer.substr(0, answer.find('\r'));
    }

    base::LinkKey key;
    base::IpEndpoint address;
    std::atomic<int> asked{0};

 private:
    base::Secret<32> seed_;
    asio::io_context io_;
    node::process::TaskGroup tasks_;
    Server server_;
    PinnedContext context_{base::LinkKey{node::files::ed25519_public(seed_)}};
    std::thread thread_;
};

}  // namespace

TEST_CASE("https: a request gets its answer from the server whose key is pinned") {
    Echo echo;
    const auto reply = echo.ask({"GET", "/document", {}, {}});
    REQUIRE(reply);
    CHECK(reply->status == 200);
    CHECK(reply->body == "/document");
    const std::string body(60'000, 'x');
    const auto posted = echo.ask({"POST", "/descriptor", body, {}});
    REQUIRE(posted);
    CHECK(posted->body == body);
    const auto failed = echo.ask({"GET", "/fail", {}, {}});
    REQUIRE(failed);
    CHECK(failed->status == 500);
    CHECK(echo.ask({"GET", "/", {}, {}}));
}

TEST_CASE("https, faults 40: a compressed answer is restored, within the bound of a body") {
    Echo echo;
    for (const auto coding : {Coding::gzip, Coding::zstd}) {
        const auto ask = [&](const char* target, std::size_t body_max) {
            return echo.ask({"GET", target, {}, {}, coding}, {.body_max = body_max});
        };
        const auto reply = ask("/document", 2'999'999);
        REQUIRE(reply);
        CHECK(reply->body == "/document");
        for (const auto* target : {"/bomb", "/cut"}) {
            const auto refused = ask(target, 2'999'999);
            REQUIRE_FALSE(refused);
            CHECK(refused.error().find("compressed") != std::string::npos);
        }
        CHECK(ask("/bomb", 3'000'000));
    }
    CHECK(echo.ask({"GET", "/document", {}, {}})->body == "/document");
    // A coding that the request did not name. A server of an earlier version sends gzip.
    CHECK_FALSE(echo.ask({"GET", "/unasked", {}, {}}));
    CHECK_FALSE(echo.ask({"GET", "/unasked", {}, {}, Coding::gzip}));
    const auto header = echo.whole_answer(
        "GET /document HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, zstd\r\n\r\n");
    CHECK(header.find("\r\nContent-Encoding: zstd\r\n") != std::string::npos);
}

TEST_CASE("https: every answer says what the server's clock says") {
    Echo echo;
    for (const auto* target : {"/", "/fail"}) {
        const auto reply = echo.ask({"GET", target, {}, {}});
        REQUIRE(reply);
        REQUIRE(reply->date);
        const auto age = node::process::wall_now() - *reply->date;
        CHECK(age >= base::Seconds{0});
        CHECK(age < base::Seconds{10});
    }
}

TEST_CASE("https: a server with another key gets no request") {
    Echo echo;
    Peer peer{echo.address, echo.key};
    peer.key.bytes[0] ^= 1;
    const auto reply = Echo::ask(peer, {"GET", "/", {}, {}});
    REQUIRE_FALSE(reply);
    CHECK(reply.error().find("does not prove that it has the key") != std::string::npos);
    CHECK(echo.asked == 0);
}

TEST_CASE("https: what breaks a bound is refused before the handler sees it") {
    Echo echo;
    CHECK(echo.exchange("GET / HTTP/1.1\r\nX: " + std::string(9'000, 'a') + "\r\n\r\n") ==
          "HTTP/1.1 431 Request Header Fields Too Large");
    CHECK(echo.exchange("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n") ==
          "HTTP/1.1 413 Payload Too Large");
    CHECK(echo.exchange("\x16\x03\x01 nonsense\r\n\r\n") == "HTTP/1.1 400 Bad Request");
    CHECK(echo.exchange("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n") ==
          "HTTP/1.1 413 Payload Too Large");
    CHECK(echo.asked == 0);
    CHECK(echo.exchange("GET / HTTP/1.1\r\n\r\n") == "HTTP/1.1 200 OK");
}

TEST_CASE("https, faults 43: a peer that hangs or drips has its time and no more") {
    ServerLimits limits;
    limits.request_time = base::Milliseconds{300};
    Echo echo{limits};
    asio::io_context io;
    tcp::socket silent{io};
    silent.connect({asio::ip::address_v4::loopback(), echo.address.port});
    auto dripping = echo.connect(io);
    const auto begin = std::chrono::steady_clock::now();
    std::thread drip{[&] {
        boost::system::error_code error;
        for (int i = 0; i < 1000 && !error; ++i) {
            asio::write(*dripping, asio::buffer("G", 1), error);
            std::this_thread::sleep_for(base::Milliseconds{20});
        }
    }};
    std::string nothing;
    boost::system::error_code error;
    asio::read(silent, asio::dynamic_buffer(nothing), error);
    CHECK(error);
    drip.join();
    CHECK(std::chrono::steady_clock::now() - begin < base::Seconds{15});  // of the drip's 20 s
    CHECK(echo.asked == 0);
}

TEST_CASE("https, faults 43: a server that hangs, or says too much, fails the request in time") {
    asio::io_context io;
    tcp::acceptor deaf{io, {asio::ip::address_v4::loopback(), 0}};
    Peer peer{{{}, deaf.local_endpoint().port()}, {}};
    peer.address.address.bytes[0] = 127;
    peer.address.address.bytes[3] = 1;
    ClientLimits limits;
    limits.deadline = base::Milliseconds{200};
    const auto late = Echo::ask(peer, {"GET", "/", {}, {}}, limits);
    REQUIRE_FALSE(late);
    CHECK(late.error().find("no answer in time") != std::string::npos);

    Echo echo;
    ClientLimits small;
    small.body_max = 10;
    const auto much = echo.ask({"POST", "/", std::string(11, 'x'), {}}, small);
    REQUIRE_FALSE(much);
    CHECK(much.error().find("no whole answer") != std::string::npos);
}

TEST_CASE("https: a prefix has its rate, and all connections together their number") {
    ServerLimits limits;
    limits.rate = {0.001, 1};  // an address: 1, its /24: 4
    Echo echo{limits};
    int answered = 0;
    for (int i = 0; i < 4; ++i)
        answered += echo.ask({"GET", "/", {}, {}}) ? 1 : 0;
    CHECK(answered == 1);

    ServerLimits few;
    few.connections = 2;
    Echo full{few};
    asio::io_context io;
    std::vector<std::unique_ptr<tcp::socket>> silent;
    for (int i = 0; i < 8; ++i) {
        silent.push_back(std::make_unique<tcp::socket>(io));
        silent.back()->connect({asio::ip::address_v4::loopback(), full.address.port});
    }
    // All are of one address, so each newcomer or one that was there loses: at most two remain.
    const auto open = [&] {
        return std::count_if(silent.begin(), silent.end(), [](auto& socket) {
            socket->non_blocking(true);
            char byte = 0;
            boost::system::error_code error;
            socket->read_some(asio::buffer(&byte, 1), error);
            return error == asio::error::would_block;
        });
    };
    const auto end = std::chrono::steady_clock::now() + base::Seconds{20};
    while (open() > 2) {
        REQUIRE(std::chrono::steady_clock::now() < end);
        std::this_thread::sleep_for(base::Milliseconds{10});
    }
}
