// A relay's links on loopback, peers that dial it, and relays that it dials, all in one thread.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "relay/io/links.hpp"
#include "sphinx/node/link/listener.hpp"
#include "sphinx/node/process/task_group.hpp"
#include "tests/support/loopback.hpp"
#include "tests/support/networks.hpp"
#include "tests/system/link_pair.hpp"
#include "tests/unit/test_network.hpp"

namespace nightjar::tests {

/// The thread's work. Made first; everything else of a test ends its tasks before it goes.
struct Loop {
    ~Loop() { finish(); }
    void finish() {
        tasks.cancel();
        until([this] { return tasks.running() == 0; });
    }
    /// Turns the I/O thread until `done` holds; false after `patience`.
    bool until(const std::function<bool()>& done,
               base::Milliseconds patience = base::Milliseconds{40'000}) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!done() && std::chrono::steady_clock::now() < end) {
            io.restart();
            io.run_one_for(base::Milliseconds{20});
        }
        return done();
    }

    asio::io_context io{1};
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
};

/// The seed of a relay's link key in document_with_keys(): 100, 101, ... by its place below.
inline std::uint8_t seed_of(const std::string& name) {
    std::uint8_t n = 100;
    for (const auto* each : {"mix-1-0", "mix-1-1", "mix-2-0", "mix-2-1", "mix-3-0", "mix-3-1",
                             "gateway-0", "gateway-1"}) {
        if (name == each) return n;
        ++n;
    }
    throw std::out_of_range(name);
}

inline base::LinkKey key_of_seed(std::uint8_t n) {
    return node::link::TlsIdentity{seed(n)}.key();
}

using DocumentDraft = std::shared_ptr<directory::Document>;

/// The test network's document with link keys that the test has. No relay listens at its address.
inline DocumentDraft document_with_keys(const test::Network& network) {
    auto document = std::make_shared<directory::Document>(*network.document());
    for (auto& relay : document->relays) {
        relay.link_key = key_of_seed(seed_of(relay.name));
        relay.addresses = {{"127.0.0.1", 1}};
    }
    return document;
}

/// The links of one relay of the network, and what they say to their owner.
struct RelayLinks final : relay::io::Links::Owner {
    struct Packet {
        const directory::Relay* relay;
        base::MailboxId client;
    };

    RelayLinks(Loop& its, const std::string& name, DocumentDraft first,
               std::size_t clients_max = 10'000,
               const node::link::LinkLimits& limits = patient_limits(),
               std::set<base::IpAddress> authorities = {})
        : loop{its}, document{std::move(first)}, identity{seed(seed_of(name))} {
        relay::io::LinksOptions options;
        options.self = network.named(name).identity;
        options.network = hello(cell::LinkRole::relay).network;
        options.listen = {address};
        options.limits = limits;
        options.clients_max = clients_max;
        options.authorities = std::move(authorities);
        links.emplace(loop.io.get_executor(), options, directory::SignedDocument{document, text},
                      identity, network.random, counters, loop.tasks, *this);
        links->start();
    }
    RelayLinks(Loop& its, const std::string& name)
        : RelayLinks{its, name, document_with_keys(test::Network{})} {}
    ~RelayLinks() override {
        links->close();
        loop.finish();
    }

    /// The document in use as a draft of the next one; change it, then use() it.
    DocumentDraft next_document() const {
        auto next = std::make_shared<directory::Document>(*document);
        next->epoch = document->epoch.next();
        return next;
    }
    void use(DocumentDraft next) {
        older.push_back(document);
        document = std::move(next);
        links->use({document, text});
    }
    /// Makes `its_text` the text of the document in use.
    std::string give(std::string its_text) {
        text = std::make_shared<std::string>(std::move(its_text));
        links->use({document, text});
        return *text;
    }
    base::NodeId id(const std::string& name) const { return network.named(name).identity; }
    relay::core::SendResult to_relay(const std::string& name) {
        return links->to_relay(id(name), std::make_unique<cell::Cell>(numbered(1)));
    }
    /// A cell of padding for a client: a slot of its downlink.
    relay::core::SendResult to_client(const base::MailboxId& client) {
        return links->to_client(client, std::make_unique<cell::Cell>());
    }

    void on_packet(const relay::core::Origin& from, cell::CellBox) override {
        packets.push_back({from.relay, from.client});
    }
    void on_client(const base::MailboxId& who, const base::IpAddress&) override {
        ++clients_come;
        client = who;
    }
    void on_client_gone(const base::MailboxId&) override {
        ++clients_gone;
        client.reset();
    }

    Loop& loop;
    test::Network network;
    DocumentDraft document;
    std::vector<DocumentDraft> older;  // so that a pointer into one stays a pointer
    std::shared_ptr<std::string> text = std::make_shared<std::string>();
    tcp::endpoint address = test::free_endpoint();
    node::link::TlsIdentity identity;
    relay::core::Counters counters;
    std::optional<relay::io::Links> links;
    std::vector<Packet> packets;
    std::optional<base::MailboxId> client;  // the last one that came and has not gone
    int clients_come = 0;
    int clients_gone = 0;
};

/// The far end of one link.
struct FarEnd {
    explicit FarEnd(std::uint8_t n) : identity{seed(n)} {}
    bool over() const { return refused || ended; }
    bool up() const { return link != nullptr && !ended; }
    base::MailboxId mailbox() const { return {identity.key().bytes}; }
    void send(const cell::Cell& cell) { link->send(boxed(cell)); }

    node::link::TlsIdentity identity;
    Collector got;
    std::unique_ptr<node::link::Link> link;
    std::optional<node::link::LinkError> refused;
    std::optional<node::link::LinkError> ended;
};

inline asio::awaitable<void> dial_and_run(std::shared_ptr<FarEnd> end, tcp::endpoint address,
                                          base::LinkKey expected, cell::Hello mine) {
    auto dialed =
        co_await node::link::dial(address, end->identity, expected, mine, patient_limits());
    if (!dialed) {
        end->refused = dialed.error();
        co_return;
    }
    end->link = std::move(*dialed);
    end->ended = co_await end->link->run(end->got);
}

/// Dials the relay by the key of that seed.
inline std::shared_ptr<FarEnd> dial(RelayLinks& relay, std::uint8_t n, cell::LinkRole role) {
    auto end = std::make_shared<FarEnd>(n);
    relay.loop.tasks.spawn("peer",
                           dial_and_run(end, relay.address, relay.identity.key(), hello(role)));
    return end;
}

/// Dials as a client, and waits until the relay has taken it as one.
inline std::shared_ptr<FarEnd> join(RelayLinks& relay, std::uint8_t n) {
    const int before = relay.clients_come;
    auto end = dial(relay, n, cell::LinkRole::client);
    REQUIRE(relay.loop.until([&] { return relay.clients_come > before && end->up(); }));
    return end;
}

/// A relay of the next layer: it listens, and keeps the links that come.
struct FarRelay {
    FarRelay(Loop& its, std::uint8_t n)
        : loop{its},
          identity{seed(n)},
          listener{loop.io.get_executor(),
                   {asio::ip::address_v4::loopback(), 0},
                   identity,
                   hello(cell::LinkRole::relay),
                   patient_limits(),
                   [this](std::unique_ptr<node::link::Link> link) { take(std::move(link)); }} {
        loop.tasks.spawn("listener", listener.run());
    }
    ~FarRelay() {
        listener.stop();
        loop.finish();
    }
    directory::Endpoint address() const { return {"127.0.0.1", listener.address().port()}; }
    /// Lists this relay in the document under a name.
    void list_as(const std::string& name, directory::Document& document) const {
        auto& listed = test::named(document, name);
        listed.addresses = {address()};
        listed.link_key = identity.key();
    }

    struct Came {
        std::unique_ptr<node::link::Link> link;
        Collector got;
        bool ended = false;
    };
    static asio::awaitable<void> run(std::shared_ptr<Came> came) {
        co_await came->link->run(came->got);
        came->ended = true;
    }
    void take(std::unique_ptr<node::link::Link> link) {
        came.push_back(std::make_shared<Came>());
        came.back()->link = std::move(link);
        loop.tasks.spawn("link", run(came.back()));
    }

    Loop& loop;
    node::link::TlsIdentity identity;
    std::vector<std::shared_ptr<Came>> came;
    node::link::Listener listener;
};

}  // namespace nightjar::tests
