// Both ends of a stream with their real sockets: the SOCKS5 port and the core of a client, and the
// sessions and connections of an exit. Only the mix network between them is missing: packets are in
// clear, and they arrive at once.
#pragma once

#include <algorithm>
#include <string>
#include <utility>

#include "client/apps/proxy.hpp"
#include "tests/support/clear_sealer.hpp"
#include "tests/support/exit_conversation.hpp"

namespace nightjar::test {

/// Writes a reply as the gateway delivers it: the SURB's identifier and the message.
struct DeliveredReplies final : ReplySealer {
    std::optional<base::NodeId> seal(base::ByteView surb, base::ByteView message,
                                     base::ByteSpan packet) override {
        std::copy_n(surb.begin(), base::SurbId::size(), packet.begin());
        std::copy(message.begin(), message.end(), packet.begin() + base::SurbId::size());
        return base::NodeId{};
    }
};

inline std::shared_ptr<const directory::Document> clear_network() {
    auto document = std::make_shared<directory::Document>();
    document->parameters = fast_law();
    for (std::uint8_t i = 1; i <= 5; ++i) {
        directory::Relay relay;
        relay.identity.bytes[0] = i;
        relay.mix_key.bytes[0] = i;
        relay.next_mix_key.bytes[0] = i;
        relay.layer = i <= 3 ? i : 0;
        if (relay.layer == 0) {
            relay.role = directory::Role::gateway;
            relay.exit_policy = "accept 1-65535";
        }
        document->relays.push_back(relay);
    }
    document->epoch = directory::epoch_at(
        std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now()),
        document->parameters.epoch_length);
    return document;
}

/// Starts with a session that is ready. The test runs the loop by until().
class BothEnds {
 public:
    explicit BothEnds(client::apps::ProxyLimits limits = {})
        : tasks{io.get_executor(),
                [](const std::string& task, const std::string& what) { FAIL_CHECK(task << what); }},
          sessions{fast_law(), random, counters, {}, std::make_unique<DeliveredReplies>()},
          exit{io.get_executor(),
               sessions,
               tasks,
               ExitPolicy{{ExitRule::parse("accept 127.0.0.0/8:*").value()}, {{}, true}},
               std::make_unique<Resolver>(io.get_executor(), std::vector<base::IpEndpoint>{}),
               dials.client(io.get_executor()),
               true},
          core{document, {},    document->relays[3].identity,
               random,   now(), std::make_unique<ClearSealer>()},
          proxy{io.get_executor(), tasks, limits} {
        exit.start();
        core.connected(now(), wall());
        const auto at = directory::parse_endpoint(proxy.listen({.endpoint = {"127.0.0.1", 0}}));
        address = {boost::asio::ip::make_address(at->host), at->port};
        proxy.serve(core, true);
        REQUIRE(until([this] { return core.ready(); }));
    }
    ~BothEnds() {
        proxy.close();
        exit.stop();
        tasks.cancel();
        io.restart();
        io.run_for(2s);
        CHECK(tasks.running() == 0);
    }

    static base::Mono now() { return std::chrono::steady_clock::now(); }
    static base::Wall wall() {
        return std::chrono::floor<base::Milliseconds>(std::chrono::system_clock::now());
    }

    /// Runs until the condition holds. False if it does not in time.
    bool until(const std::function<bool()>& holds, base::Seconds most = base::Seconds{20}) {
        const auto end = now() + most;
        while (!holds()) {
            if (now() > end) return false;
            step();
        }
        return true;
    }
    void pass(base::Milliseconds time) {
        const auto end = now() + time;
        while (now() < end)
            step();
    }

    /// An application's socket whose SOCKS request for the target has been answered.
    tcp::socket connect(std::uint16_t port) {
        tcp::socket socket{io};
        socket.connect(address);
        socket.non_blocking(true);
        std::string bytes{"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01", 11};
        bytes += static_cast<char>(port >> 8);
        bytes += static_cast<char>(port & 0xff);
        socket.send(boost::asio::buffer(bytes));
        std::string answer;
        boost::system::error_code error;
        REQUIRE(until([&] {
            char piece[12];
            answer.append(piece,
                          socket.read_some(boost::asio::buffer(piece, 12 - answer.size()), error));
            return answer.size() == 12;
        }));
        REQUIRE(answer[3] == 0);
        return socket;
    }
    /// Reads what has come. Returns the error that ended the connection, if one has.
    boost::system::error_code read(tcp::socket& socket, base::Bytes& into) {
        base::Bytes piece(65536);
        boost::system::error_code error;
        const auto size = socket.read_some(boost::asio::buffer(piece), error);
        into.insert(into.end(), piece.begin(), piece.begin() + static_cast<int>(size));
        return error == boost::asio::error::would_block ? boost::system::error_code{} : error;
    }
    /// Reads until the connection ends, and returns how.
    boost::system::error_code read_all(
        tcp::socket& socket, base::Bytes& into, const std::function<void()>& meanwhile = [] {}) {
        boost::system::error_code error;
        CHECK(until([&] {
            meanwhile();
            error = read(socket, into);
            return error.failed();
        }));
        return error;
    }

    boost::asio::io_context io{1};
    node::process::TaskGroup tasks;
    base::SystemRandom random;
    Counters counters;
    ExitSessions sessions;
    DialThread dials;
    Exit exit;
    std::shared_ptr<const directory::Document> document = clear_network();
    client::core::Core core;
    client::apps::Proxy proxy;
    tcp::endpoint address;
    bool cut = false;  // no packet arrives at the exit

 private:
    void step() {
        for (const auto& packet : core.tick(now())) {
            const auto body = packet.cell->body();
            if (body[0] == 1 && !cut)
                sessions.on_message(
                    base::ByteView{body}.subspan(packet::header_size, stream::message_size), now(),
                    wall());
        }
        core.prepare(now(), wall());
        std::vector<ExitSessions::Reply> replies;
        sessions.tick(now(), wall(), replies);
        for (const auto& reply : replies)
            core.on_delivery(*reply.cell, now());
        exit.pump();
        proxy.dispatch();
        io.restart();
        io.run_for(1ms);
    }
};

}  // namespace nightjar::test
