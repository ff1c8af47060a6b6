#include "relay/links.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <thread>

#include "tests/system/link_pair.hpp"
#include "tests/system/raw_peer.hpp"
#include "tests/unit/test_network.hpp"

using namespace nightjar;
using tests::RawTls;
namespace asio = boost::asio;

namespace {

/// A port that nobody uses now.
asio::ip::tcp::endpoint free_address() {
    asio::io_context io;
    const asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    return acceptor.local_endpoint();
}

/// A gateway's links; what becomes of packets is nobody's business here.
struct Gateway final : relay::Links::Owner {
    Gateway() {
        options.self = network.named("gateway-0").identity;
        options.network = tests::hello(cell::LinkRole::relay).network;
        options.listen = {address};
        options.limits = tests::patient_limits();
        links.emplace(io.get_executor(), options,
                      relay::SignedDocument{network.document(), std::make_shared<std::string>()},
                      identity, network.random, counters, tasks, *this);
        links->start();
    }
    ~Gateway() override {
        links->close();
        tasks.cancel();
        until([this] { return tasks.running() == 0; });
    }
    bool until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + base::Seconds{40};
        while (!done() && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_one_for(base::Milliseconds{20});
        }
        return done();
    }
    void on_packet(const relay::From&, cell::CellBox) override {}
    void on_client(const base::MailboxId& who) override { client = who; }
    void on_client_gone(const base::MailboxId&) override { client.reset(); }

    test::Network network;
    asio::ip::tcp::endpoint address = free_address();
    asio::io_context io{1};
    relay::LinksOptions options;
    node::TlsIdentity identity{tests::seed(1)};
    relay::Counters counters;
    node::TaskGroup tasks{io.get_executor(), [](const std::string&, const std::string&) {}};
    std::optional<relay::Links> links;
    std::optional<base::MailboxId> client;
};

}  // namespace

TEST_CASE("what waits for a client that does not read is half a second of its cells, no more") {
    Gateway gateway;
    std::optional<RawTls> peer;
    std::thread dialing{[&] {
        peer.emplace(gateway.address);
        peer->write(cell::encode(tests::hello(cell::LinkRole::client)));
    }};
    REQUIRE(gateway.until([&] { return gateway.client.has_value(); }));
    dialing.join();
    // In one turn of the I/O thread, so the socket takes nothing.
    const auto client = *gateway.client;
    std::size_t taken = 0;
    while (taken < 1000 &&
           gateway.links->to_client(client, std::make_unique<cell::Cell>()) == relay::Sent::queued)
        ++taken;
    CHECK(taken == 32);
    CHECK(gateway.links->to_client(client, std::make_unique<cell::Cell>()) ==
          relay::Sent::queue_full);
    // Once some have left there is room again.
    REQUIRE(gateway.until([&] {
        return gateway.links->to_client(client, std::make_unique<cell::Cell>()) ==
               relay::Sent::queued;
    }));
}
