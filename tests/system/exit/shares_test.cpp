// Strangers at an exit with real sockets: what they hold of its connections and lookups, and what
// is left for others.
#include <doctest/doctest.h>

#include <boost/asio/buffer.hpp>

#include "tests/support/exit_conversation.hpp"

using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::test;

namespace {

/// A target that the kernel accepts connections for. The test serves them, or nothing does.
struct SilentTarget {
    SilentTarget() : acceptor{io, {boost::asio::ip::address_v4::loopback(), 0}} {
        acceptor.non_blocking(true);
    }
    std::uint16_t port() const { return acceptor.local_endpoint().port(); }

    boost::asio::io_context io;
    tcp::acceptor acceptor;
};

/// A client of the exit that listens to no reply.
class Stranger {
 public:
    Stranger(Conversation& at, std::uint8_t number) : talk_{at} { id_.bytes.fill(number); }

    /// One packet with all that fits.
    void say() {
        stream::UpHeader header;
        header.session = id_;
        header.number = ++number_;
        header.schedule = {1, 45'000, 0, 0};
        base::Bytes message(stream::message_size);
        stream::encode(header, message);
        client.fill(number_, base::ByteSpan{message}.last(stream::up_room(0)));
        client.acknowledged(number_);
        const Wall wall =
            std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
        talk_.sessions.on_message(message, std::chrono::steady_clock::now(), wall);
        talk_.exit.pump();
    }

    stream::Mux client{stream::Side::client};

 private:
    Conversation& talk_;
    SessionId id_;
    stream::PacketNumber number_ = 0;
};

std::size_t accepted(const Conversation& talk, const std::vector<stream::StreamId>& streams) {
    return static_cast<std::size_t>(std::count_if(streams.begin(), streams.end(), [&](auto stream) {
        return talk.event(stream, Kind::accepted).has_value();
    }));
}

std::size_t reset(const Conversation& talk, const std::vector<stream::StreamId>& streams) {
    return static_cast<std::size_t>(std::count_if(streams.begin(), streams.end(), [&](auto stream) {
        return talk.event(stream, Kind::reset).has_value();
    }));
}

}  // namespace

TEST_CASE("exit shares: sessions with a packet each take no connection from one that pays") {
    ExitSocketLimits limits;
    limits.places.places_max = 64;
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    SilentTarget target;
    std::vector<std::unique_ptr<Stranger>> strangers;
    for (std::uint8_t i = 0; i < 4; ++i) {
        strangers.push_back(std::make_unique<Stranger>(talk, static_cast<std::uint8_t>(100 + i)));
        for (int open = 0; open < 16; ++open)
            REQUIRE(strangers.back()->client.open({"127.0.0.1", target.port()}));
        strangers.back()->say();
    }
    int paid = 0;  // packets of the client: one in each step
    REQUIRE(talk.until([&] { return ++paid > 400; }));
    REQUIRE(talk.until([&] { return talk.exit.connections() == 64; }));
    std::vector<stream::StreamId> streams;
    for (int i = 0; i < 20; ++i)
        streams.push_back(talk.open("127.0.0.1", target.port()));
    talk.until([&] { return accepted(talk, streams) + reset(talk, streams) == streams.size(); });
    CHECK(accepted(talk, streams) == 20);
    CHECK(reset(talk, streams) == 0);
    CHECK(talk.exit.connections() == 64);
    // The one that pays may hold more, but for what the others pay too.
    for (int i = 0; i < 12; ++i)
        streams.push_back(talk.open("127.0.0.1", target.port()));
    talk.until([&] { return accepted(talk, streams) + reset(talk, streams) == streams.size(); });
    CHECK(accepted(talk, streams) == 32);
}

TEST_CASE("exit shares: of a session that loses a connection it is the one still for longest") {
    ExitSocketLimits limits;
    limits.places.places_max = 2;
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    SilentTarget target;
    const auto first = talk.open("127.0.0.1", target.port());
    const auto second = talk.open("127.0.0.1", target.port());
    REQUIRE(talk.until([&] { return accepted(talk, {first, second}) == 2; }));
    talk.client.write(first, base::Bytes(10));
    talk.pass(100ms);
    // It pays as much as the other client does in two seconds.
    Stranger other{talk, 100};
    for (int packet = 0; packet < 1'000; ++packet)
        other.say();
    REQUIRE(other.client.open({"127.0.0.1", target.port()}));
    other.say();
    CHECK(talk.reset_of(second) == ResetReason::overload);
    CHECK(!talk.event(first, Kind::reset));
    CHECK(talk.exit.connections() == 2);
    // Each has its half now. Among equals the newcomer is refused.
    CHECK(talk.reset_of(talk.open("127.0.0.1", target.port())) == ResetReason::overload);
}

TEST_CASE("exit shares: a page's connections do not wait, and more than that take turns") {
    ExitSocketLimits limits;
    limits.opens_per_second = 8;
    limits.turn_within = Seconds{1};
    Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
    SilentTarget target;
    std::vector<stream::StreamId> streams;
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 60; ++i)
        streams.push_back(talk.open("127.0.0.1", target.port()));
    // 32 at once, 8 more in a second, and the rest would wait for too long.
    talk.until([&] { return accepted(talk, streams) >= 32; });
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    CHECK(static_cast<double>(accepted(talk, streams)) < 36 + 8 * passed.count());
    talk.until([&] { return accepted(talk, streams) + reset(talk, streams) == streams.size(); });
    CHECK(accepted(talk, streams) == 40);
}

TEST_CASE("exit shares: what does not move ends in its time") {
    ExitSocketLimits limits;
    limits.idle = Seconds{3};
    limits.half_closed = Seconds{1};
    limits.stuck = Seconds{1};
    SilentTarget target;
    SUBCASE("nothing moves either way") {
        Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
        const auto stream = talk.open("127.0.0.1", target.port());
        REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
        talk.pass(2s);
        CHECK(talk.exit.connections() == 1);
        talk.client.write(stream, base::Bytes(1));
        talk.pass(2s);
        CHECK(talk.exit.connections() == 1);
        CHECK(talk.until([&] { return talk.exit.connections() == 0; }));
        CHECK(talk.reset_of(stream) == ResetReason::cancelled);
    }
    SUBCASE("the client has ended its side") {
        limits.idle = Seconds{60};
        Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
        const auto stream = talk.open("127.0.0.1", target.port());
        REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
        talk.client.finish(stream);
        const auto started = std::chrono::steady_clock::now();
        CHECK(talk.until([&] { return talk.exit.connections() == 0; }));
        CHECK(std::chrono::steady_clock::now() - started < 15s);
    }
    SUBCASE("the client has ended its side, and its link is interrupted") {
        limits.half_closed = Seconds{2};
        relay::core::ExitLimits sessions;
        sessions.silence = Seconds{1};
        Conversation talk{"accept 127.0.0.0/8:*", sessions, limits};
        const auto stream = talk.open("127.0.0.1", target.port());
        REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
        talk.client.finish(stream);
        talk.pass(300ms);
        talk.silent = true;
        talk.pass(4s);
        CHECK(talk.exit.connections() == 1);
        talk.silent = false;
        CHECK(talk.until([&] { return talk.exit.connections() == 0; }));
    }
    SUBCASE("the target takes nothing") {
        limits.idle = Seconds{60};
        target.acceptor.set_option(boost::asio::socket_base::receive_buffer_size{4096});
        Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
        const auto stream = talk.open("127.0.0.1", target.port());
        CHECK(talk.until([&] {
            talk.client.write(stream, base::Bytes(65536));
            return talk.event(stream, Kind::accepted) && talk.exit.connections() == 0;
        }));
    }
    SUBCASE("the target takes nothing, and the kernel has all of it") {
        limits.idle = Seconds{60};
        target.acceptor.set_option(boost::asio::socket_base::receive_buffer_size{4096});
        Conversation talk{"accept 127.0.0.0/8:*", {}, limits};
        const auto stream = talk.open("127.0.0.1", target.port());
        REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
        talk.client.write(stream, base::Bytes(20'000));
        CHECK(talk.until([&] { return talk.exit.connections() == 0; }));
    }
}

TEST_CASE("exit shares: no connection outlives its session, whatever its target takes") {
    ExitLimits limits;
    limits.silence = limits.frozen = Seconds{1};
    Conversation talk{"accept 127.0.0.0/8:*", limits};
    SilentTarget target;
    target.acceptor.set_option(boost::asio::socket_base::receive_buffer_size{4096});
    std::vector<tcp::socket> ends;
    // The target ends its side and reads nothing.
    const auto connect = [&] {
        const auto stream = talk.open("127.0.0.1", target.port());
        REQUIRE(talk.until([&] { return talk.event(stream, Kind::accepted).has_value(); }));
        ends.push_back(target.acceptor.accept());
        ends.back().shutdown(tcp::socket::shutdown_send);
        return stream;
    };
    const auto send = [&](stream::StreamId stream, std::size_t bytes) {
        REQUIRE(talk.until([&] {
            bytes -= talk.client.write(stream, base::Bytes(bytes));
            return bytes == 0;
        }));
    };
    // How much the kernel takes: what it does not take stays in the session's memory.
    const auto probe = connect();
    const auto before = talk.sessions.memory();
    std::size_t taken = 0;
    for (; talk.sessions.memory() < before + 150'000; taken += 16'384) {
        REQUIRE(taken < 2'000'000);  // the exit bounds what the kernel takes
        send(probe, 16'384);
        talk.pass(20ms);
    }
    // One of these lengths leaves its last piece in a write that does not end.
    for (std::size_t i = 0; i < 24; ++i) {
        const auto stream = connect();
        send(stream, taken - 200'000 + i * 12'000);
        talk.client.finish(stream);
    }
    talk.pass(2s);
    talk.silent = true;
    CHECK(talk.until([&] { return talk.sessions.sessions() == 0; }));
    talk.pass(100ms);
    CHECK(talk.exit.connections() == 0);
}

TEST_CASE("exit shares: lookups of a server that is silent keep no other session from its own") {
    Conversation talk;
    SilentTarget target;
    talk.names.names["good.test"] = {127, 0, 0, 1};
    // Seventeen sessions with two packets each want more than the exit looks up at once.
    std::vector<std::unique_ptr<Stranger>> strangers;
    for (std::uint8_t i = 0; i < 17; ++i) {
        strangers.push_back(std::make_unique<Stranger>(talk, static_cast<std::uint8_t>(100 + i)));
        auto& client = strangers.back()->client;
        std::vector<stream::StreamId> opened;
        for (int name = 0; name < 32; ++name) {
            const auto host = "s" + std::to_string(32 * i + name) + ".test";
            talk.names.zones[host].silent_about = NameServer::a;
            opened.push_back(client.open({host, 80}).value());
        }
        strangers.back()->say();
        talk.pass(50ms);
        for (const auto stream : opened)
            client.reset(stream, ResetReason::cancelled);
        strangers.back()->say();
    }
    REQUIRE(talk.until([&] { return talk.exit.connections() == 0; }));
    // Only their lookups are left.
    std::vector<stream::StreamId> streams{talk.open("good.test", target.port())};
    for (int i = 0; i < 19; ++i)
        streams.push_back(talk.open("missing" + std::to_string(i) + ".test", 80));
    CHECK(talk.until([&] { return accepted(talk, streams) == 1; }));
    std::size_t overloads = 0;
    for (std::size_t i = 1; i < streams.size(); ++i)
        overloads += talk.reset_of(streams[i]) == ResetReason::overload;
    CHECK(overloads == 0);
}

TEST_CASE("exit shares: lookups end with their session") {
    ExitLimits limits;
    limits.silence = limits.frozen = Seconds{1};
    Conversation talk{"accept 127.0.0.0/8:*", limits};
    talk.open("silent.test", 80);
    REQUIRE(talk.until([&] { return talk.names.questions == 2; }));  // one for each family
    talk.silent = true;
    CHECK(talk.until([&] { return talk.sessions.sessions() == 0; }));
    talk.pass(3s);  // c-ares asks again after 2.5 s
    CHECK(talk.names.questions == 2);
}
