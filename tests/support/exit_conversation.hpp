// An exit with its sockets, a client's session with it, and targets on loopback. The test plays the
// client without a mix network: packets are in clear, and they pass every millisecond.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "relay/io/exit.hpp"
#include "relay/io/resolver.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/packet/geometry.hpp"
#include "sphinx/stream/packet_log.hpp"
#include "tests/support/arriving_frames.hpp"
#include "tests/support/dial_thread.hpp"
#include "tests/support/name_server.hpp"

namespace nightjar::test {

using namespace nightjar::relay::core;
using namespace nightjar::relay::io;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using stream::ResetReason;
using Kind = stream::Event::Kind;

/// Writes replies in clear, so that the test can play the client without a mix network.
struct ClearReplies final : ReplySealer {
    std::optional<base::NodeId> seal(base::ByteView, base::ByteView message,
                                     base::ByteSpan packet) override {
        std::copy(message.begin(), message.end(), packet.begin());
        return base::NodeId{};
    }
};

inline directory::Parameters fast_law() {
    directory::Parameters law;
    law.lab = true;
    law.session_grid = base::Seconds{1};
    law.main_slots = {500'000};
    law.replies = {500'000};
    return law;
}

/// An exit with its sockets, and a client's session with it. Messages and replies pass every
/// millisecond.
class Conversation {
 public:
    explicit Conversation(const char* rule = "accept 127.0.0.0/8:*", ExitLimits limits = {},
                          ExitSocketLimits socket_limits = {})
        : sessions{fast_law(), random, counters, limits, std::make_unique<ClearReplies>()},
          tasks{io.get_executor(),
                [](const std::string&, const std::string& what) { FAIL_CHECK(what); }},
          names{io},
          exit{io.get_executor(),
               sessions,
               tasks,
               ExitPolicy{{ExitRule::parse(rule).value()},
                          {{{base::IpAddress::parse("127.0.0.1").value(), 9}}, true}},
               std::make_unique<Resolver>(io.get_executor(), std::vector{names.address()}),
               dials.client(io.get_executor()),
               false,
               socket_limits} {
        exit.start();
    }
    ~Conversation() {
        exit.stop();
        names.close();
        io.restart();
        io.run_for(2s);
        CHECK(tasks.running() == 0);
        // A failed check must not become a crash: the group asserts that no task is left.
        tasks.cancel();
        io.restart();
        io.run_for(1s);
    }

    /// Tasks that serve streams: all but the one that follows the host's addresses.
    std::size_t stream_tasks() const { return tasks.running() - 1; }
    stream::StreamId open(const std::string& host, std::uint16_t port) {
        return client.open({host, port}).value();
    }
    /// Runs until the condition holds. False if it does not within 20 seconds.
    bool until(const std::function<bool()>& holds) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        while (!holds()) {
            if (std::chrono::steady_clock::now() > end) return false;
            step();
        }
        return true;
    }
    void pass(std::chrono::milliseconds time) {
        const auto end = std::chrono::steady_clock::now() + time;
        while (std::chrono::steady_clock::now() < end)
            step();
    }
    std::optional<stream::Event> event(stream::StreamId stream, Kind kind) const {
        for (const auto& one : events)
            if (one.stream == stream && one.kind == kind) return one;
        return std::nullopt;
    }
    std::optional<ResetReason> reset_of(stream::StreamId stream) {
        until([&] { return event(stream, Kind::reset).has_value(); });
        const auto found = event(stream, Kind::reset);
        return found ? std::optional{found->reason} : std::nullopt;
    }
    std::size_t read(stream::StreamId stream, base::Bytes& into) {
        base::Bytes piece(65536);
        const auto size = client.read(stream, piece);
        into.insert(into.end(), piece.begin(), piece.begin() + static_cast<int>(size));
        return size;
    }

    boost::asio::io_context io;
    base::SystemRandom random;
    Counters counters;
    ExitSessions sessions;
    node::process::TaskGroup tasks;
    test::NameServer names;
    test::DialThread dials;
    Exit exit;
    stream::Mux client{stream::Side::client};
    std::vector<stream::Event> events;
    bool silent = false;       // the client sends no more packets
    std::uint8_t session = 7;  // each byte of its id

 private:
    void step() {
        const base::Mono now = std::chrono::steady_clock::now();
        const base::Wall wall =
            std::chrono::time_point_cast<base::Milliseconds>(std::chrono::system_clock::now());
        if (!silent) say(now, wall);
        std::vector<ExitSessions::Reply> replies;
        sessions.tick(now, wall, replies);
        exit.pump();
        for (const auto& reply : replies)
            hear(reply.cell->body().first(stream::message_size));
        io.restart();
        io.run_for(1ms);
    }
    void say(base::Mono now, base::Wall wall) {
        stream::UpHeader header;
        header.session.bytes.fill(session);
        header.number = sent.next(now, 0);
        header.surb_count = header.number % 4 == 0 ? 4 : 0;
        header.surb_epoch = directory::epoch_at(wall, fast_law().epoch_length).low_byte();
        header.schedule = {.sequence = 1, .pace_milli = 500'000};
        header.acks = arrived.next_acks();
        base::Bytes message(stream::message_size);
        stream::encode(header, message);
        const auto room = stream::up_room(header.surb_count);
        client.fill(header.number, base::ByteSpan{message}.last(room));
        sessions.on_message(message, now, wall);
    }
    void hear(base::ByteView message) {
        const auto header = stream::decode_down(message);
        REQUIRE(header.has_value());
        if (!arrived.arrived(header->number)) return;
        for (const auto& settled : sent.on_acks(header->acks))
            client.acknowledged(settled.number);
        REQUIRE(test::arrive_at_client(client, stream::frames_of(*header, message)));
        for (auto& event : client.take_events())
            events.push_back(std::move(event));
    }

    stream::SentLog sent{60s};
    stream::ArrivedLog arrived;
};

/// A target on loopback. It accepts one connection, and a thread serves it with the test's
/// function.
class Target {
 public:
    explicit Target(std::function<void(tcp::socket&)> serve)
        : acceptor_{io_, {boost::asio::ip::address_v4::loopback(), 0}},
          port{acceptor_.local_endpoint().port()},
          thread_{[this, serve = std::move(serve)] {
              tcp::socket socket{io_};
              boost::system::error_code error;
              acceptor_.accept(socket, error);
              if (!error) serve(socket);
          }} {}
    ~Target() {
        // Wakes an accept() that is still waiting.
        boost::asio::io_context io;
        tcp::socket socket{io};
        boost::system::error_code ignored;
        socket.connect(acceptor_.local_endpoint(), ignored);
        socket.close(ignored);
        thread_.join();
    }

 private:
    boost::asio::io_context io_;
    tcp::acceptor acceptor_;

 public:
    std::uint16_t port;

 private:
    std::thread thread_;
};

}  // namespace nightjar::test
