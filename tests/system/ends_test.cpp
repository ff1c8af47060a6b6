// How a connection ends, with real sockets at both ends: what one side said before an end arrives
// before it, and only a complete answer ends like one.
#include <doctest/doctest.h>

#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "sphinx/node/process/socket_end.hpp"
#include "tests/support/both_ends.hpp"

using namespace nightjar;
using namespace nightjar::test;
namespace asio = boost::asio;

namespace {

base::Bytes random_bytes(std::size_t size) {
    base::SystemRandom random;
    base::Bytes bytes(size);
    random.fill(bytes);
    return bytes;
}

void break_off(tcp::socket& socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::socket_base::linger{true, 0}, ignored);
    socket.close(ignored);
}

}  // namespace

TEST_CASE("an early answer arrives whole, though the server leaves the upload unread") {
    const auto answer = random_bytes(20'000);
    Target target{[&](tcp::socket& socket) {
        char head[300];
        boost::system::error_code ignored;
        asio::read(socket, asio::buffer(head), ignored);
        asio::write(socket, asio::buffer(answer), ignored);
        socket.close(ignored);
    }};
    BothEnds ends;
    auto application = ends.connect(target.port);
    const base::Bytes upload(200'000, 'u');
    std::size_t sent = 0;
    base::Bytes heard;
    const auto error = ends.read_all(application, heard, [&] {
        boost::system::error_code ignored;
        sent += application.write_some(asio::buffer(upload.data() + sent, upload.size() - sent),
                                       ignored);
    });
    CHECK(heard == answer);
    CHECK(error == asio::error::connection_reset);  // no FIN came: it closed on unread bytes
}

TEST_CASE("an answer that ends well arrives whole, though the application still writes") {
    const auto answer = random_bytes(300'000);
    Target target{[&](tcp::socket& socket) {
        boost::system::error_code ignored;
        asio::write(socket, asio::buffer(answer), ignored);
        socket.close(ignored);
    }};
    BothEnds ends;
    auto application = ends.connect(target.port);
    base::Bytes heard;
    const auto error = ends.read_all(application, heard, [&] {
        boost::system::error_code ignored;
        application.write_some(asio::buffer("a chunk.", 9), ignored);
    });
    CHECK(heard == answer);
    CHECK(error == asio::error::eof);
}

TEST_CASE("what a server sent before it broke off arrives, and then the break") {
    const auto answer = random_bytes(250'000);
    Target target{[&](tcp::socket& socket) {
        boost::system::error_code ignored;
        asio::write(socket, asio::buffer(answer), ignored);
        while (node::process::unsent_bytes(socket) > 0)  // until the exit's system has all of it
            std::this_thread::sleep_for(1ms);
        break_off(socket);
    }};
    BothEnds ends;
    auto application = ends.connect(target.port);
    base::Bytes heard;
    CHECK(ends.read_all(application, heard) == asio::error::connection_reset);
    CHECK(heard == answer);
}

TEST_CASE("an end of file behind a failed write is believed only if it came before") {
    for (const bool ended : {true, false}) {
        CAPTURE(ended);
        asio::io_context io;
        tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
        tcp::socket ours{io};
        ours.connect(acceptor.local_endpoint());
        auto theirs = acceptor.accept();
        if (ended) theirs.shutdown(tcp::socket::shutdown_send);
        break_off(theirs);
        boost::system::error_code error;
        std::this_thread::sleep_for(50ms);
        asio::write(ours, asio::buffer("more", 4), error);
        CHECK(error.failed());
        CHECK(node::process::ended_before(error) == ended);
        // Linux says in both cases that the other side has ended.
        char byte = 0;
        ours.read_some(asio::buffer(&byte, 1), error);
        CHECK(error == asio::error::eof);
    }
}

TEST_CASE("what an application sent before it closed arrives, though it never reads") {
    const auto upload = random_bytes(100'000);
    base::Bytes heard;
    boost::system::error_code error;
    {
        Target target{[&](tcp::socket& socket) {
            // The banner makes the application's close a reset: it has left bytes unread.
            asio::write(socket, asio::buffer("banner", 6));
            asio::read(socket, asio::dynamic_buffer(heard), error);
        }};
        BothEnds ends;
        auto application = ends.connect(target.port);
        CHECK(ends.until([&] { return application.available() == 6; }));  // the banner
        asio::write(application, asio::buffer(upload));
        // What its own kernel still holds, an application discards itself by such a close.
        CHECK(ends.until([&] { return node::process::unsent_bytes(application) == 0; }));
        application.close();
        CHECK(ends.until([&] { return ends.exit.connections() == 0; }));
    }
    CHECK(heard == upload);
    CHECK(error == asio::error::connection_reset);
}

TEST_CASE("a half-closed connection whose answer pauses too long ends by a reset") {
    client::apps::ProxyLimits limits;
    limits.half_closed = base::Seconds{3};  // more than an answer takes on a busy machine
    std::atomic<bool> over = false;
    Target target{[&](tcp::socket& socket) {
        asio::write(socket, asio::buffer("half an answer", 14));
        while (!over)
            std::this_thread::sleep_for(5ms);
    }};
    BothEnds ends{limits};
    auto application = ends.connect(target.port);
    application.shutdown(tcp::socket::shutdown_send);
    base::Bytes heard;
    CHECK(ends.read_all(application, heard) == asio::error::connection_reset);
    CHECK(base::as_text(heard) == "half an answer");
    over = true;
}

TEST_CASE("a half-closed connection goes on for as long as its answer flows") {
    client::apps::ProxyLimits limits;
    limits.half_closed = base::Seconds{2};
    Target target{[&](tcp::socket& socket) {
        for (int i = 0; i < 15; ++i) {
            boost::system::error_code ignored;
            asio::write(socket, asio::buffer("x", 1), ignored);
            std::this_thread::sleep_for(200ms);
        }
    }};
    BothEnds ends{limits};
    auto application = ends.connect(target.port);
    application.shutdown(tcp::socket::shutdown_send);
    base::Bytes heard;
    CHECK(ends.read_all(application, heard) == asio::error::eof);
    CHECK(heard.size() == 15);
}

TEST_CASE(
    "an application that takes no byte for too long loses its connection, a slow one does not") {
    client::apps::ProxyLimits limits;
    limits.unread = base::Seconds{2};
    std::atomic<bool> over = false;
    const auto serve = [&](tcp::socket& socket) {
        boost::system::error_code error;
        const base::Bytes bytes(64 * 1024, 'x');
        while (!over && !error)
            asio::write(socket, asio::buffer(bytes), error);
    };
    Target one{serve}, other{serve};
    BothEnds ends{limits};
    // Both directions stay open. What it sends is no sign that it reads.
    auto silent = ends.connect(one.port);
    auto slow = ends.connect(other.port);
    boost::system::error_code ignored;
    base::Bytes piece(8 * 1024);
    const auto start = BothEnds::now();
    std::size_t read = 0;
    const auto some = [&] {
        silent.write_some(asio::buffer("y", 1), ignored);
        read += slow.read_some(asio::buffer(piece), ignored);
        return false;
    };
    CHECK(ends.until([&] { return some() || ends.proxy.applications() == 1; }));
    CHECK(BothEnds::now() - start >= 2s);
    const auto before = read;
    ends.until(some, base::Seconds{3});
    CHECK(ends.proxy.applications() == 1);
    CHECK(read > before);
    over = true;
    slow.close();
}

TEST_CASE("what had arrived before its session ended is read before the end") {
    for (const bool complete : {false, true}) {
        CAPTURE(complete);
        std::atomic<bool> over = false;
        Target target{[&](tcp::socket& socket) {
            asio::write(socket, asio::buffer("what had arrived", 16));
            while (!over && !complete)
                std::this_thread::sleep_for(5ms);
        }};
        BothEnds ends;
        auto& core = ends.core;
        const auto stream = core.open("", {"127.0.0.1", target.port});
        REQUIRE(stream);
        CHECK(ends.until([&] { return core.readable(*stream) == 16; }));
        ends.pass(100ms);  // for a FIN
        core.take_events();
        core.disconnected();
        core.prepare(BothEnds::now() + 121s, BothEnds::wall());
        over = true;
        const auto kinds = [&] {
            std::vector<Kind> kinds;
            for (const auto& event : core.take_events())
                kinds.push_back(event.event.kind);
            return kinds;
        };
        CHECK(kinds() == std::vector{Kind::stopped});
        CHECK(core.write(*stream, base::as_bytes("x")) == 0);
        base::Bytes piece(10);
        CHECK(core.read(*stream, piece) == 10);
        CHECK(base::as_text(piece) == "what had a");
        CHECK(kinds().empty());
        CHECK(core.read(*stream, piece) == 6);
        CHECK(kinds() ==
              (complete ? std::vector{Kind::finished, Kind::reset} : std::vector{Kind::reset}));
        CHECK(core.read(*stream, piece) == 0);
    }
}

TEST_CASE("unix sockets: bytes that the other side has not read are unsent") {
    asio::io_context io;
    asio::local::stream_protocol::socket ours{io}, theirs{io};
    asio::local::connect_pair(ours, theirs);
    asio::write(ours, asio::buffer("some bytes", 10));
    CHECK(node::process::unsent_bytes(ours) > 0);
    char bytes[10];
    asio::read(theirs, asio::buffer(bytes));
    CHECK(node::process::unsent_bytes(ours) == 0);
    asio::write(ours, asio::buffer("some bytes", 10));
    theirs.close();
    CHECK(node::process::unsent_bytes(ours) == 0);
}

TEST_CASE("socket ends: only close_in_order ends with a FIN") {
    enum class End { in_order, killed };
    for (const auto end : {End::in_order, End::killed}) {
        CAPTURE(end);
        asio::io_context io;
        asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
        asio::ip::tcp::socket theirs{io};
        theirs.connect(acceptor.local_endpoint());
        {
            auto ours = acceptor.accept();
            node::process::reset_unless_closed(ours);
            asio::write(ours, asio::buffer("all", 3));
            if (end == End::in_order) node::process::close_in_order(ours);
            // What the system does to a process that is killed. Asio's destructor sends a FIN.
            if (end == End::killed) ::close(ours.release());
        }
        char bytes[10];
        boost::system::error_code error;
        const auto arrived = asio::read(theirs, asio::buffer(bytes), error);
        CHECK(arrived == 3);
        if (end == End::in_order) CHECK(error == asio::error::eof);
        if (end == End::killed) CHECK(error == asio::error::connection_reset);
    }
}
