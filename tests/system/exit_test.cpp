#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "tests/support/exit_conversation.hpp"
#include "tests/support/loopback.hpp"

using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::test;

TEST_CASE("exit: bytes pass both ways, and each side ends on its own") {
    base::SystemRandom random;
    base::Bytes up(200'000);
    base::Bytes down(300'000);
    random.fill(up);
    random.fill(down);
    base::Bytes arrived;
    Target target{[&](tcp::socket& socket) {
        boost::system::error_code error;
        boost::asio::read(socket, boost::asio::dynamic_buffer(arrived), error);
        CHECK(error == boost::asio::error::eof);  // the client's end of stream, passed on
        boost::asio::write(socket, boost::asio::buffer(down), error);
        CHECK(!error);
    }};
    Conversation talk;
    talk.names.names["target.test"] = {127, 0, 0, 1};
    const auto stream = talk.open("target.test", target.port);
    std::size_t written = 0;
    bool ended = false;
    base::Bytes heard;
    REQUIRE(talk.until([&] {
        written += talk.client.write(stream, base::ByteView{up}.subspan(written));
        if (written == up.size() && !ended) {
            talk.client.finish(stream);
            ended = true;
        }
        talk.read(stream, heard);
        return talk.event(stream, Kind::finished).has_value() || heard.size() == down.size();
    }));
    CHECK(talk.event(stream, Kind::accepted));
    REQUIRE(talk.until([&] { return talk.exit.connections() == 0; }));
    CHECK(arrived == up);
    CHECK(heard == down);
    CHECK(!talk.event(stream, Kind::reset));
}

TEST_CASE("exit: what the policy refuses is refused after the name was resolved") {
    struct Case {
        const char* host;
        std::optional<std::array<std::uint8_t, 4>> resolves_to;
    };
    for (const auto& c : std::vector<Case>{{"a.test", {{10, 0, 0, 1}}},
                                           {"b.test", {{169, 254, 169, 254}}},
                                           {"c.test", {{192, 168, 1, 1}}},
                                           {"d.test", {{8, 8, 8, 8}}},
                                           {"10.0.0.1", {}},
                                           {"::ffff:127.0.0.1", {}},
                                           {"::1", {}},
                                           {"0.0.0.0", {}}}) {
        Conversation talk;
        if (c.resolves_to) talk.names.names[c.host] = *c.resolves_to;
        const auto reason = talk.reset_of(talk.open(c.host, 80));
        CHECK_MESSAGE(reason == ResetReason::refused_by_policy, c.host);
        CHECK(talk.exit.connections() == 0);
    }
    Conversation own;
    CHECK(own.reset_of(own.open("127.0.0.1", 9)) == ResetReason::refused_by_policy);
    Conversation ports{"accept 127.0.0.0/8:80"};
    CHECK(ports.reset_of(ports.open("127.0.0.1", 81)) == ResetReason::refused_by_policy);
}

TEST_CASE("exit: each failure has its reason") {
    Conversation talk;
    CHECK(talk.reset_of(talk.open("missing.test", 80)) == ResetReason::unresolvable);
    CHECK(talk.reset_of(talk.open("bad name", 80)) == ResetReason::unresolvable);
    const auto closed = test::free_endpoint();
    CHECK(talk.reset_of(talk.open(closed.address().to_string(), closed.port())) ==
          ResetReason::connection_refused);
}

TEST_CASE("exit: a newer document's policy ends no lookup that is under way") {
    Conversation talk;
    const auto slow = talk.open("silent.test", 80);
    REQUIRE(talk.until([&] { return talk.names.questions > 0; }));
    talk.exit.use(ExitPolicy{{ExitRule::parse("accept 127.0.0.0/8:*").value()}, {}});
    talk.pass(200ms);
    CHECK_FALSE(talk.event(slow, Kind::reset));
}

TEST_CASE("exit: a target that never answers the SYN is given up in time") {
    ExitSocketLimits limits;
    limits.race.total = base::Seconds{1};
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    // A listener with a full backlog drops further connection requests.
    boost::asio::io_context io;
    tcp::acceptor full{io, tcp::v4()};
    full.bind({boost::asio::ip::address_v4::loopback(), 0});
    full.listen(0);
    std::vector<tcp::socket> waiting;
    waiting.reserve(4);
    for (int i = 0; i < 4; ++i) {
        waiting.emplace_back(io, tcp::v4());
        waiting.back().async_connect(full.local_endpoint(), [](boost::system::error_code) {});
    }
    io.run_for(50ms);
    const auto started = std::chrono::steady_clock::now();
    const auto reason = talk.reset_of(talk.open("127.0.0.1", full.local_endpoint().port()));
    CHECK(reason == ResetReason::timed_out);
    CHECK(std::chrono::steady_clock::now() - started < 3s);
}

TEST_CASE("exit: a target that breaks off resets the stream") {
    Target target{[](tcp::socket& socket) {
        socket.set_option(boost::asio::socket_base::linger{true, 0});
        socket.close();
    }};
    Conversation talk;
    const auto stream = talk.open("127.0.0.1", target.port);
    CHECK(talk.reset_of(stream) == ResetReason::cancelled);
    CHECK(talk.exit.connections() == 0);
}

TEST_CASE("exit: a client that breaks off breaks the target's connection off") {
    boost::system::error_code seen;
    {
        Target target{[&](tcp::socket& socket) {
            std::array<char, 16> byte;
            socket.read_some(boost::asio::buffer(byte), seen);
        }};
        Conversation talk;
        const auto stream = talk.open("127.0.0.1", target.port);
        REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
        talk.client.reset(stream, ResetReason::cancelled);
        REQUIRE(talk.until([&] { return talk.exit.connections() == 0; }));
    }
    CHECK(seen == boost::asio::error::connection_reset);
}

TEST_CASE("exit: a client that does not read stops the target, not the exit") {
    std::atomic<std::size_t> sent = 0;
    std::atomic<bool> stop = false;
    Target target{[&](tcp::socket& socket) {
        const base::Bytes block(64 * 1024);
        socket.non_blocking(true);
        while (!stop) {
            boost::system::error_code error;
            sent += socket.write_some(boost::asio::buffer(block), error);
            if (error == boost::asio::error::would_block) std::this_thread::sleep_for(1ms);
            if (error && error != boost::asio::error::would_block) return;
        }
    }};
    Conversation talk;
    const auto stream = talk.open("127.0.0.1", target.port);
    REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
    talk.pass(1500ms);
    const auto after = sent.load();
    talk.pass(500ms);
    CHECK(sent == after);
    CHECK(after < 16u << 20);  // the stream's window and the kernel's buffers
    // When the client reads, the transfer continues.
    base::Bytes heard;
    CHECK(talk.until([&] {
        talk.read(stream, heard);
        return sent > after;
    }));
    stop = true;
}

TEST_CASE("exit: connections of a session are bounded") {
    ExitSocketLimits limits;
    limits.places.per_session_max = 2;
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    boost::asio::io_context io;
    tcp::acceptor acceptor{io, {boost::asio::ip::address_v4::loopback(), 0}};
    const auto port = acceptor.local_endpoint().port();
    const auto first = talk.open("127.0.0.1", port);
    const auto second = talk.open("127.0.0.1", port);
    const auto third = talk.open("127.0.0.1", port);
    CHECK(talk.reset_of(third) == ResetReason::overload);
    CHECK(!talk.event(first, Kind::reset));
    CHECK(talk.exit.connections() == 2);
    talk.client.reset(second, ResetReason::cancelled);
    REQUIRE(talk.until([&] { return talk.exit.connections() == 1; }));
    const auto fourth = talk.open("127.0.0.1", port);
    CHECK(talk.until([&] { return talk.event(fourth, Kind::accepted).has_value(); }));
}

TEST_CASE("exit: a session that falls silent takes its connections with it") {
    ExitLimits limits;
    limits.silence = limits.frozen = base::Seconds{1};
    Conversation talk{"accept 127.0.0.0/8:*", limits};
    boost::asio::io_context io;
    tcp::acceptor acceptor{io, {boost::asio::ip::address_v4::loopback(), 0}};
    const auto stream = talk.open("127.0.0.1", acceptor.local_endpoint().port());
    REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
    CHECK(talk.exit.connections() == 1);
    talk.silent = true;
    CHECK(talk.until([&] { return talk.exit.connections() == 0; }));
    CHECK(talk.sessions.sessions() == 0);
}
