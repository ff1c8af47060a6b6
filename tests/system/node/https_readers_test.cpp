// Readers of our HTTPS server that read nothing, from several networks (loopback is a /8). Row 43
// of the table of faults: what they can hold is bounded in bytes, and all others are served.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <thread>

#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/https/pinned_tls.hpp"
#include "sphinx/node/https/server.hpp"
#include "sphinx/node/process/completion.hpp"

using namespace nightjar;
using namespace nightjar::node::https;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::size_t mebi = 1024 * 1024;
using Raw = asio::ssl::stream<tcp::socket>;

base::LinkKey public_of(const base::Secret<32>& seed) {
    return {node::files::ed25519_public(seed)};
}

/// A server on a thread of its own, whose answers have a MiB. Those to /kept are kept.
class Library {
 public:
    explicit Library(ServerLimits limits)
        : tasks_{io_.get_executor(), [](const std::string&, const std::string&) {}},
          server_{io_.get_executor(),
                  {asio::ip::address_v4::loopback(), 0},
                  "listen",
                  seed_,
                  [this](const Request& request) {
                      Answer answer;
                      answer.kept = request.target == "/kept";
                      answer.body = answer.kept ? kept_ : Body{std::string(mebi, 'x')};
                      if (request.target == "/who") answer.body = Body{std::string{who(request)}};
                      return answer;
                  },
                  tasks_,
                  std::move(limits)},
          port_{server_.local().port()} {
        tasks_.spawn("server", server_.run());
        thread_ = std::thread{[this] { io_.run(); }};
    }
    ~Library() {
        readers_.clear();
        asio::post(io_, [this] {
            server_.close();
            tasks_.cancel();
        });
        thread_.join();
    }

    /// Asks from an address of loopback, and reads no byte.
    Raw& reader(const char* from, const char* target, const base::Secret<32>* own = nullptr) {
        contexts_.push_back(std::make_unique<PinnedContext>(public_of(seed_), own));
        readers_.push_back(std::make_unique<Raw>(client_io_, contexts_.back()->get()));
        auto& raw = *readers_.back();
        auto& socket = raw.next_layer();
        socket.open(tcp::v4());
        socket.set_option(asio::socket_base::receive_buffer_size(4096));
        socket.bind({asio::ip::make_address(from), 0});
        socket.connect({asio::ip::address_v4::loopback(), port_});
        raw.handshake(Raw::client);
        const auto request = std::string{"GET "} + target + " HTTP/1.1\r\n\r\n";
        asio::write(raw, asio::buffer(request));
        return raw;
    }
    /// The status line and the length of all that comes.
    static std::pair<std::string, std::size_t> read(Raw& raw) {
        std::string all;
        boost::system::error_code error;
        asio::read(raw, asio::dynamic_buffer(all), error);
        return {all.substr(0, all.find('\r')), all.size()};
    }
    std::pair<std::string, std::size_t> get(const char* from, const char* target,
                                            const base::Secret<32>* own = nullptr) {
        return read(reader(from, target, own));
    }
    std::size_t open_bytes() {
        std::promise<std::size_t> open;
        asio::post(io_, [&] { open.set_value(server_.open_bytes()); });
        return open.get_future().get();
    }
    /// Waits until open answers have so many bytes, at most ten seconds. The server reads requests
    /// of several connections in any order, so one that was sent first may be read last.
    bool holds(std::size_t bytes) {
        for (int i = 0; i < 500 && open_bytes() != bytes; ++i)
            std::this_thread::sleep_for(base::Milliseconds{20});
        return open_bytes() == bytes;
    }
    /// Connections that have not ended, without the listener's.
    std::size_t connections() {
        std::promise<std::size_t> open;
        asio::post(io_, [&] { open.set_value(tasks_.running() - 1); });
        return open.get_future().get();
    }

 private:
    static std::string_view who(const Request& request) {
        return request.shown ? base::as_text(request.shown->bytes) : "a stranger";
    }

    base::Secret<32> seed_ = node::files::new_key();
    const Body kept_{std::string(mebi, 'k')};
    asio::io_context io_;
    asio::io_context client_io_;
    node::process::TaskGroup tasks_;
    Server server_;
    std::uint16_t port_;
    std::vector<std::unique_ptr<PinnedContext>> contexts_;
    std::vector<std::unique_ptr<Raw>> readers_;
    std::thread thread_;
};

ServerLimits four_mebibytes() {
    ServerLimits limits;
    limits.rate = {1000, 1000};
    limits.open_bytes = 4 * mebi;
    return limits;
}

}  // namespace

TEST_CASE("https, faults 43: peers that read nothing hold a bounded number of bytes") {
    Library library{four_mebibytes()};
    for (int i = 0; i < 12; ++i)
        library.reader("127.0.1.1", "/large");
    CHECK(library.holds(4 * mebi));
    CHECK(library.get("127.0.1.1", "/large").first == "HTTP/1.1 503 Service Unavailable");
    CHECK(library.open_bytes() == 4 * mebi);
    // Other networks have their share.
    CHECK(library.get("127.0.2.1", "/large").second > mebi);
    CHECK(library.open_bytes() <= 4 * mebi);
    CHECK(library.get("127.0.3.1", "/large").second > mebi);
    // What the handler keeps anyway, and what is short, takes no part.
    CHECK(library.get("127.0.1.1", "/kept").second > mebi);
    CHECK(library.get("127.0.1.1", "/who").first == "HTTP/1.1 200 OK");
}

TEST_CASE("https: known clients prove their keys, and have bytes of their own") {
    const auto own = node::files::new_key();
    const auto other = node::files::new_key();
    auto limits = four_mebibytes();
    limits.known = {public_of(own)};
    limits.open_bytes_known = 2 * mebi;
    Library library{limits};
    const auto said = [&](const base::Secret<32>* key) {
        std::string all;
        boost::system::error_code error;
        asio::read(library.reader("127.0.1.1", "/who", key), asio::dynamic_buffer(all), error);
        return all.substr(all.find("\r\n\r\n") + 4);
    };
    CHECK(said(&own) == base::as_text(public_of(own).bytes));
    CHECK(said(&other) == "a stranger");
    CHECK(said(nullptr) == "a stranger");

    for (int i = 0; i < 4; ++i)
        library.reader("127.0.1.1", "/large");
    CHECK(library.holds(4 * mebi));
    CHECK(library.get("127.0.1.1", "/large", &other).first == "HTTP/1.1 503 Service Unavailable");
    CHECK(library.get("127.0.1.1", "/large", &own).second > mebi);
    for (int i = 0; i < 2; ++i)
        library.reader("127.0.1.1", "/large", &own);
    CHECK(library.get("127.0.1.1", "/large", &own).first == "HTTP/1.1 503 Service Unavailable");
    CHECK(library.open_bytes() == 4 * mebi);
}

TEST_CASE("https, faults 43: an answer that does not move is ended before its time is over") {
    auto limits = four_mebibytes();
    limits.stall_time = base::Milliseconds{200};
    limits.answer_time = base::Seconds{100'000};
    Library library{limits};
    library.reader("127.0.1.1", "/large");
    CHECK(library.get("127.0.2.1", "/large").second > mebi);
    for (int i = 0; i < 500 && library.connections() > 0; ++i)
        std::this_thread::sleep_for(base::Milliseconds{20});
    CHECK(library.connections() == 0);
    CHECK(library.open_bytes() == 0);
}
