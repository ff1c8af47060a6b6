#include "sphinx/node/process/accept_loop.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <new>
#include <utility>
#include <vector>

#include "sphinx/node/process/task_group.hpp"

using namespace nightjar;
namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

namespace {

/// A loop that keeps two connections, and its peers on the same thread.
struct Loop {
    Loop() {
        auto admit = [this](tcp::socket socket, const tcp::endpoint& peer, auto place) {
            CHECK(peer == socket.remote_endpoint());
            if (std::exchange(without_memory, false)) throw std::bad_alloc{};
            kept.emplace_back(std::move(socket), std::move(place));
        };
        tasks.spawn("loop",
                    node::process::accept_loop(acceptor, {.connections = 2}, std::move(admit)));
    }
    tcp::socket connect() {
        tcp::socket socket{io};
        socket.connect(acceptor.local_endpoint());
        run();
        return socket;
    }
    void run() {
        io.restart();
        io.run_for(milliseconds{20});
    }
    static bool closed(tcp::socket& socket) {
        char byte;
        boost::system::error_code error;
        socket.non_blocking(true);
        socket.read_some(asio::buffer(&byte, 1), error);
        return error == asio::error::eof;
    }

    asio::io_context io{1};
    tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const auto&, const auto&) { CHECK(false); }};
    bool without_memory = false;  // for the next connection
    std::vector<std::pair<tcp::socket, node::process::ConnectionPlace>> kept;
};

}  // namespace

TEST_CASE("accept loop: one connection too many is closed at once, until one has ended") {
    Loop loop;
    auto first = loop.connect();
    auto second = loop.connect();
    auto third = loop.connect();
    CHECK(loop.kept.size() == 2);
    CHECK(!Loop::closed(first));
    CHECK(!Loop::closed(second));
    CHECK(Loop::closed(third));
    loop.kept.erase(loop.kept.begin());
    auto fourth = loop.connect();
    CHECK(!Loop::closed(fourth));
    CHECK(loop.kept.size() == 2);
    loop.acceptor.close();
    loop.run();
    CHECK(loop.tasks.running() == 0);
}

TEST_CASE(
    "accept loop, faults 51: without memory for a connection it closes that one and goes on") {
    Loop loop;
    loop.without_memory = true;
    auto first = loop.connect();
    CHECK(Loop::closed(first));
    CHECK(loop.kept.empty());
    auto second = loop.connect();  // waits for the end of the pause
    loop.io.restart();
    loop.io.run_for(milliseconds{300});
    CHECK(loop.kept.size() == 1);
    CHECK(!Loop::closed(second));
    loop.acceptor.close();
    loop.run();
    CHECK(loop.tasks.running() == 0);
}

TEST_CASE("accept loop: a connection outlives its loop") {
    Loop loop;
    auto first = loop.connect();
    loop.tasks.cancel();
    loop.run();
    CHECK(loop.tasks.running() == 0);
    CHECK(!Loop::closed(first));
    loop.kept.clear();
    CHECK(Loop::closed(first));
}
