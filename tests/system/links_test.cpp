// Which peer may open which link to a relay, and when a link ends: the rules of relay/io/links.hpp.
#include "relay/io/links.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <thread>

#include "sphinx/base/ids.hpp"
#include "tests/support/written.hpp"
#include "tests/system/raw_peer.hpp"
#include "tests/system/relay_links.hpp"

using namespace nightjar;
using namespace tests;
using cell::LinkRole;

namespace {

constexpr std::uint8_t stranger = 200;  // the seed of a key that no document lists

/// Returns what the relay does with a link: "a relay", "a client", "closed" (after the handshake,
/// which says who the peer is) or "no handshake" (a relay's own key has no link with itself).
std::string fate(RelayLinks& relay, std::uint8_t n, LinkRole role) {
    const auto end = dial(relay, n, role);
    const auto taken = [&] {
        const auto numbers = relay.links->counts();
        return numbers.clients + numbers.previous_relays_up > 0;
    };
    REQUIRE(relay.loop.until([&] { return end->over() || taken(); }));
    if (!taken()) return end->ended ? "closed" : "no handshake";
    const bool client = relay.links->counts().clients > 0;
    REQUIRE(relay.loop.until([&] { return end->link != nullptr; }));
    end->link->close();
    REQUIRE(relay.loop.until([&] { return end->over() && !taken(); }));
    return client ? "a client" : "a relay";
}

/// Dials as a relay of the document, and waits until the relay has taken it as one.
std::shared_ptr<FarEnd> join_as(RelayLinks& relay, const std::string& name) {
    const auto before = relay.links->counts().previous_relays_up;
    auto end = dial(relay, seed_of(name), LinkRole::relay);
    REQUIRE(relay.loop.until(
        [&] { return relay.links->counts().previous_relays_up > before && end->up(); }));
    return end;
}

}  // namespace

TEST_CASE("links: which key opens which link") {
    struct Case {
        const char* self;
        LinkRole role;
        const char* peer;  // whose key; "": one that the document does not list
        const char* fate;
    };
    const Case cases[] = {
        {"gateway-0", LinkRole::relay, "mix-3-0", "a relay"},
        {"gateway-0", LinkRole::relay, "mix-1-0", "closed"},
        {"gateway-0", LinkRole::relay, "gateway-1", "closed"},
        {"gateway-0", LinkRole::relay, "gateway-0", "no handshake"},
        {"gateway-0", LinkRole::relay, "", "closed"},
        {"gateway-0", LinkRole::client, "", "a client"},
        {"gateway-0", LinkRole::client, "mix-3-0", "closed"},
        {"gateway-0", LinkRole::client, "mix-1-0", "closed"},
        {"gateway-0", LinkRole::client, "gateway-0", "no handshake"},
        {"mix-1-0", LinkRole::relay, "gateway-1", "a relay"},
        {"mix-1-0", LinkRole::relay, "mix-2-0", "closed"},
        {"mix-1-0", LinkRole::client, "", "closed"},
        {"mix-2-0", LinkRole::relay, "mix-1-1", "a relay"},
        {"mix-2-0", LinkRole::relay, "mix-2-1", "closed"},
        {"mix-2-0", LinkRole::relay, "gateway-0", "closed"},
        {"mix-2-0", LinkRole::client, "", "closed"},
    };
    for (const auto* self : {"gateway-0", "mix-1-0", "mix-2-0"}) {
        Loop loop;
        RelayLinks relay{loop, self};
        for (const auto& c : cases) {
            if (std::string{c.self} != self) continue;
            CAPTURE(self);
            CAPTURE(c.peer);
            CAPTURE(c.role);
            const std::string peer{c.peer};
            CHECK(fate(relay, peer.empty() ? stranger : seed_of(peer), c.role) == c.fate);
        }
    }
}

TEST_CASE("links: a relay that is not listed takes no link and dials none") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    CHECK(gateway.links->counts().next_relays == 2);
    auto without = gateway.next_document();
    std::erase_if(without->relays, [](const auto& relay) { return relay.name == "gateway-0"; });
    gateway.use(without);
    CHECK(gateway.links->counts().next_relays == 0);
    CHECK(fate(gateway, stranger, LinkRole::client) == "closed");
    CHECK(fate(gateway, seed_of("mix-3-0"), LinkRole::relay) == "closed");
}

TEST_CASE("links: a newer document that changes a relay's key ends its link, and no other") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto changed = join_as(gateway, "mix-3-0");
    const auto same = join_as(gateway, "mix-3-1");
    auto next = gateway.next_document();
    test::named(*next, "mix-3-0").link_key = key_of_seed(201);
    gateway.use(next);
    REQUIRE(loop.until([&] { return changed->over(); }, base::Milliseconds{10'000}));
    REQUIRE(loop.until([&] { return gateway.links->counts().previous_relays_up == 1; }));
    same->send(numbered(1));
    REQUIRE(loop.until([&] { return !gateway.packets.empty(); }));
    CHECK(gateway.packets.front().relay == next->find(gateway.id("mix-3-1")));
    same->link->close();
    REQUIRE(loop.until([&] { return gateway.links->counts().previous_relays_up == 0; }));
    CHECK(fate(gateway, seed_of("mix-3-0"), LinkRole::relay) == "closed");
    CHECK(fate(gateway, 201, LinkRole::relay) == "a relay");
}

TEST_CASE("links: a relay that a newer document does not list loses its link") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto gone = join_as(gateway, "mix-3-0");
    const auto stays = join_as(gateway, "mix-3-1");
    auto next = gateway.next_document();
    std::erase_if(next->relays, [](const auto& relay) { return relay.name == "mix-3-0"; });
    gateway.use(next);
    CHECK(loop.until([&] { return gone->over(); }, base::Milliseconds{10'000}));
    CHECK(stays->up());
    CHECK(gateway.links->counts().previous_relays_up == 1);
}

TEST_CASE("links: a packet's sender is the relay of the document in use, or the client") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto mix = join_as(gateway, "mix-3-0");
    mix->send(cell::Cell{});  // padding is no packet
    mix->send(numbered(1));
    REQUIRE(loop.until([&] { return !gateway.packets.empty(); }));
    CHECK(gateway.packets.front().relay == gateway.document->find(gateway.id("mix-3-0")));
    gateway.use(gateway.next_document());
    mix->send(numbered(2));
    REQUIRE(loop.until([&] { return gateway.packets.size() > 1; }));
    CHECK(gateway.packets.at(1).relay == gateway.document->find(gateway.id("mix-3-0")));
    const auto client = join(gateway, stranger);
    client->send(cell::Cell{});
    client->send(numbered(3));
    REQUIRE(loop.until([&] { return gateway.packets.size() > 2; }));
    CHECK(gateway.packets.at(2).relay == nullptr);
    CHECK(gateway.packets.at(2).client == client->mailbox());
    CHECK(gateway.packets.size() == 3);
}

TEST_CASE("links: a second link of one relay takes the first one's place") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto first = join_as(gateway, "mix-3-0");
    const auto second = dial(gateway, seed_of("mix-3-0"), LinkRole::relay);
    CHECK(loop.until([&] { return first->over() && second->up(); }, base::Milliseconds{10'000}));
    REQUIRE(second->up());
    second->send(numbered(1));
    REQUIRE(loop.until([&] { return !gateway.packets.empty(); }));
    CHECK(gateway.links->counts().previous_relays_up == 1);
}

TEST_CASE("links: a second link of one client takes the first one's place") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto first = join(gateway, stranger);
    const auto second = join(gateway, stranger);
    CHECK(loop.until([&] { return first->over(); }, base::Milliseconds{10'000}));
    second->send(numbered(1));
    REQUIRE(loop.until([&] { return !gateway.packets.empty(); }));
    CHECK(gateway.clients_come == 2);
    CHECK(gateway.clients_gone == 1);
    CHECK(gateway.links->counts().clients == 1);
    CHECK(gateway.to_client(second->mailbox()) == relay::core::SendResult::queued);
    CHECK(loop.until([&] { return !second->got.cells.empty(); }, base::Milliseconds{10'000}));
    second->link->close();
    REQUIRE(loop.until([&] { return gateway.links->counts().clients == 0; }));
    CHECK(gateway.clients_gone == 2);
    CHECK(gateway.to_client(second->mailbox()) == relay::core::SendResult::no_link);
}

TEST_CASE(
    "links: a full gateway takes from the address that has most; a client that comes again stays") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0", document_with_keys(test::Network{}), 6};
    const auto honest = join(gateway, stranger);
    for (std::uint8_t n = 201; n < 206; ++n)
        join(gateway, n);
    CHECK(gateway.links->counts().clients == 6);
    // A client that connects again gets its own place back.
    const auto again = join(gateway, stranger);
    CHECK(loop.until([&] { return honest->over() && gateway.links->counts().clients == 6; }));
    // One more from the same address is refused, and ends no other.
    const auto come = gateway.clients_come;
    const auto gone = gateway.clients_gone;
    const auto more = dial(gateway, 206, LinkRole::client);
    CHECK(loop.until([&] { return more->over(); }));
    CHECK(gateway.clients_come == come);
    CHECK(gateway.clients_gone == gone);
    // All of these come from 127.0.0.1; one from elsewhere finds a place each time.
    for (std::uint8_t n = 1; n < 4; ++n) {
        const int before = gateway.clients_come;
        std::optional<RawTls> peer;
        std::thread dialing{[&] {
            RawTlsOptions options;
            options.seed = n;
            options.source = "127.2.0.1";
            peer.emplace(gateway.address, options);
            peer->write(cell::encode(hello(LinkRole::client)));
        }};
        CHECK(loop.until([&] { return gateway.clients_come > before; }));
        dialing.join();
        CHECK(loop.until([&] { return gateway.links->counts().clients == 6; }));
        CHECK(loop.until([&] { return gateway.clients_come - gateway.clients_gone == 6; }));
        if (n == 3) break;
        std::thread leaving{[&] { peer.reset(); }};
        leaving.join();
        REQUIRE(loop.until([&] { return gateway.links->counts().clients == 5; }));
        join(gateway, static_cast<std::uint8_t>(210 + n));
    }
}

TEST_CASE("links: a client far above its rate loses its link") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto client = join(gateway, stranger);
    std::size_t sent = 0;
    const auto flood = [&] {
        while (client->up() && client->link->send(std::make_unique<cell::Cell>()))
            ++sent;
        return client->over();
    };
    CHECK(loop.until(flood, base::Milliseconds{20'000}));
    CHECK(sent >= 64);
    CHECK(gateway.links->floods().of_clients == 1);
    // What a network held back for 20 s comes at once and does no harm. A link earns it in 5 s.
    const auto late = join(gateway, 201);
    loop.until([] { return false; }, base::Milliseconds{5'000});
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(loop.until([&] { return late->link->queued() < 500; }));
        late->send(cell::Cell{});
    }
    late->send(numbered(1));
    CHECK(loop.until([&] { return !gateway.packets.empty(); }));
    CHECK(late->up());
}

TEST_CASE(
    "links: floods are said: a relay by its identity, clients by their number, once an hour") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto flood = [&](const std::shared_ptr<FarEnd>& peer) {
        REQUIRE(loop.until(
            [&] {
                while (peer->up() && peer->link->send(std::make_unique<cell::Cell>())) {
                }
                return peer->over();
            },
            base::Milliseconds{20'000}));
    };
    const auto counted = [&] { return gateway.links->floods(); };
    const auto said = [&](base::Mono now) {
        return test::written_to_stderr([&] { gateway.links->forget(now); });
    };
    const base::Mono start{std::chrono::hours{9}};
    const auto of_relay = test::written_to_stderr([&] {
        flood(join_as(gateway, "mix-3-0"));
        REQUIRE(loop.until([&] { return counted().of_relays == 1; }));
    });
    const auto& relay = test::named(*gateway.document, "mix-3-0").identity;
    CHECK(of_relay.find("relay " + base::to_hex(relay.bytes).substr(0, 8) + " sends far above") !=
          std::string::npos);
    CHECK(said(start).empty());  // an hour begins
    const auto of_clients = test::written_to_stderr([&] {
        for (std::uint8_t n = stranger; n < stranger + 2; ++n)
            flood(join(gateway, n));
        REQUIRE(loop.until([&] { return counted().of_clients == 2; }));
    });
    CHECK(of_clients.empty());
    CHECK(said(start + base::Seconds{3599}).empty());
    CHECK(said(start + base::Seconds{3600}).find("since the last such line: 2\n") !=
          std::string::npos);
    CHECK(said(start + base::Seconds{7200}).empty());
    // After a quiet hour, too, no line says when it was.
    flood(join(gateway, stranger));
    REQUIRE(loop.until([&] { return counted().of_clients == 3; }));
    CHECK(said(start + base::Seconds{7201}).empty());
    CHECK(said(start + base::Seconds{10'800}).find("such line: 1\n") != std::string::npos);
}

TEST_CASE("links: a client that connects again brings no burst of cells") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    // Before, each link could begin with 1,100: what the law sends in 20 s.
    const auto client = join(gateway, stranger);
    const auto flood = [&] {
        while (client->up() && client->link->send(boxed(numbered(1)))) {
        }
        return client->over();
    };
    CHECK(loop.until(flood, base::Milliseconds{10'000}));
    CHECK(gateway.packets.size() >= 64);
    CHECK(gateway.packets.size() < 1000);
}

TEST_CASE("links: a listed relay that sends far above the law loses each of its links") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    // What it had to send at once is gone for its next link too.
    for (int link = 0; link < 2; ++link) {
        const auto relay = join_as(gateway, "mix-3-0");
        std::size_t sent = 0;
        const auto flood = [&] {
            if (relay->up() && sent < 5000 && relay->link->send(std::make_unique<cell::Cell>()))
                ++sent;
            return relay->over();
        };
        REQUIRE(loop.until(flood, base::Milliseconds{10'000}));
        REQUIRE(loop.until([&] { return gateway.links->counts().previous_relays_up == 0; }));
    }
    CHECK(gateway.links->floods().of_relays == 2);
    // Others, and packets, are not concerned.
    const auto other = join_as(gateway, "mix-3-1");
    for (int i = 0; i < 300; ++i)
        other->send(numbered(1));
    CHECK(loop.until([&] { return gateway.packets.size() == 300; }));
    CHECK(other->up());
}

TEST_CASE("what waits for a client that does not read is half a second of its cells, no more") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    std::optional<RawTls> peer;
    std::thread dialing{[&] {
        peer.emplace(gateway.address);
        peer->write(cell::encode(hello(LinkRole::client)));
    }};
    REQUIRE(loop.until([&] { return gateway.client.has_value(); }));
    dialing.join();
    // In one turn of the I/O thread, so the socket takes nothing.
    const auto client = *gateway.client;
    std::size_t taken = 0;
    while (taken < 1000 && gateway.to_client(client) == relay::core::SendResult::queued)
        ++taken;
    CHECK(taken == 32);
    CHECK(gateway.to_client(client) == relay::core::SendResult::queue_full);
    // Once some have left there is room again.
    REQUIRE(
        loop.until([&] { return gateway.to_client(client) == relay::core::SendResult::queued; }));
}

TEST_CASE("links: a client that reads nothing holds few cells, and loses its link in time") {
    auto limits = patient_limits();
    limits.stuck_client = base::Milliseconds{1500};
    Loop loop;
    RelayLinks gateway{loop, "gateway-0", document_with_keys(test::Network{}), 10'000, limits};
    std::optional<RawTls> peer;
    std::thread dialing{[&] {
        peer.emplace(gateway.address);
        peer->write(cell::encode(hello(LinkRole::client)));
    }};
    REQUIRE(loop.until([&] { return gateway.client.has_value(); }));
    dialing.join();
    const auto client = *gateway.client;
    const auto start = std::chrono::steady_clock::now();
    std::size_t held = 0;
    const auto gone = [&] {
        if (!gateway.client) return true;
        while (gateway.to_client(client) == relay::core::SendResult::queued)
            ++held;
        return false;
    };
    CHECK(loop.until(gone, base::Milliseconds{15'000}));
    CHECK(std::chrono::steady_clock::now() - start >= base::Milliseconds{1500});
    // The queue, the kernel's buffer here, and the one of the peer: all at most 1 MB.
    CHECK(held < 400);
    MESSAGE(held << " cells were held");
}

TEST_CASE("links: an authority's handshakes have the places of listed relays") {
    Loop loop;
    RelayLinks gateway{loop,   "gateway-0",      document_with_keys(test::Network{}),
                       10'000, patient_limits(), {base::IpAddress::parse("127.0.0.3").value()}};
    // 128 of them, where strangers have 512.
    std::vector<RawTcp> silent;
    for (int i = 0; i < 130; ++i)
        silent.emplace_back(gateway.address, "127.0.0.3");
    CHECK(loop.until([&] { return gateway.links->handshakes().refused == 2; },
                     base::Milliseconds{10'000}));
}
