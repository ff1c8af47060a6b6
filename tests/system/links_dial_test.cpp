// Which relays a relay dials, by which key and where, as its document changes; and what a gateway
// says to its clients: the rules of relay/io/links.hpp.
#include <doctest/doctest.h>

#include <variant>

#include "relay/io/links.hpp"
#include "tests/system/raw_peer.hpp"
#include "tests/system/relay_links.hpp"

using namespace nightjar;
using namespace tests;
using relay::core::DropReason;
using relay::core::SendResult;

namespace {

constexpr base::Milliseconds patience{10'000};

/// A mix of layer 1 and the two relays of layer 2 that it dials.
struct Dialing {
    Dialing() {
        auto document = document_with_keys(test::Network{});
        first.list_as("mix-2-0", *document);
        second.list_as("mix-2-1", *document);
        mix.emplace(loop, "mix-1-0", document);
    }
    bool both_up() {
        return loop.until([this] { return mix->links->counts().next_relays_up == 2; });
    }

    Loop loop;
    FarRelay first{loop, seed_of("mix-2-0")};
    FarRelay second{loop, seed_of("mix-2-1")};
    std::optional<RelayLinks> mix;
};

/// The parts of a document that came, in order.
std::vector<cell::DocumentPart> parts(const FarEnd& end) {
    std::vector<cell::DocumentPart> found;
    for (const auto& cell : end.got.cells) {
        if (cell.kind() != cell::Kind::control) continue;
        const auto control = cell::decode(cell);
        REQUIRE(control);
        REQUIRE(std::holds_alternative<cell::DocumentPart>(*control));
        found.push_back(std::get<cell::DocumentPart>(*control));
    }
    return found;
}

/// What the parts make, which come in order and are of one document.
std::string joined(const std::vector<cell::DocumentPart>& parts, base::Epoch epoch) {
    std::string packed;
    for (const auto& part : parts) {
        CHECK(part.epoch == epoch);
        CHECK(part.offset == packed.size());
        packed += base::as_text(part.bytes);
        CHECK(packed.size() <= part.total);
    }
    REQUIRE(!parts.empty());
    CHECK(packed.size() == parts.front().total);
    return packed;
}

/// Hexadecimal digits, which gzip halves.
std::string random_text(base::Random& random, std::size_t size) {
    std::string text;
    while (text.size() < size)
        text += base::to_hex(random.id<base::MixKey>().bytes);
    text.resize(size);
    return text;
}

/// The client asks for a document. Returns once the gateway has the request.
void ask(RelayLinks& gateway, FarEnd& client, base::Epoch have) {
    client.send(cell::encode(cell::DocumentRequest{have}));
    client.send(numbered(1));  // arrives behind it
    const auto before = gateway.packets.size();
    REQUIRE(gateway.loop.until([&] { return gateway.packets.size() > before; }));
}

/// Slots of the client's downlink.
void slots(RelayLinks& gateway, FarEnd& client, std::size_t count) {
    const auto before = client.got.cells.size();
    for (std::size_t i = 0; i < count; ++i)
        REQUIRE(gateway.to_client(client.mailbox()) == SendResult::queued);
    REQUIRE(gateway.loop.until([&] { return client.got.cells.size() == before + count; }));
}

}  // namespace

TEST_CASE("links: a relay dials the relays of the layer behind it, and no others") {
    Dialing all;
    REQUIRE(all.both_up());
    CHECK(all.mix->links->counts().next_relays == 2);
    for (const auto* next : {"mix-2-0", "mix-2-1"})
        CHECK(all.mix->to_relay(next) == SendResult::queued);
    for (const auto* other : {"mix-1-1", "mix-3-0", "gateway-0", "mix-1-0"})
        CHECK(all.mix->to_relay(other) == SendResult::no_link);
    REQUIRE(all.loop.until([&] { return !all.first.came.front()->got.cells.empty(); }));
    CHECK(all.first.came.front()->link->peer_key() == all.mix->identity.key());
}

TEST_CASE("links: every handshake is counted by what became of it") {
    using node::link::LinkError;
    Loop loop;
    FarRelay first{loop, seed_of("mix-2-0")};
    auto document = document_with_keys(test::Network{});
    first.list_as("mix-2-0", *document);  // nothing listens where the document lists mix-2-1
    RelayLinks mix{loop, "mix-1-0", document};
    const auto counts = [&] { return mix.links->handshakes(); };
    REQUIRE(loop.until(
        [&] { return counts().made == 1 && counts().failed.of(LinkError::unreachable) >= 1; }));
    CHECK(counts().failed.of(LinkError::handshake) == 0);
    // Links that come count too.
    const auto gate = dial(mix, seed_of("gateway-0"), cell::LinkRole::relay);
    REQUIRE(loop.until([&] { return counts().made == 2; }));
    RawTcp stranger{mix.address};
    REQUIRE(stranger.send(base::Bytes(100, 'x')));
    REQUIRE(loop.until([&] { return counts().failed.of(LinkError::handshake) == 1; }));
    CHECK(counts().made == 2);
    CHECK(counts().refused == 0);
}

TEST_CASE("links: a newer document's key is the one that the relay dials by") {
    Loop loop;
    FarRelay far{loop, 201};
    auto document = document_with_keys(test::Network{});
    test::named(*document, "mix-2-0").addresses = {far.address()};  // with a key that it has not
    RelayLinks mix{loop, "mix-1-0", document};
    REQUIRE(loop.until([&] { return far.listener.counts().failed > 0; }));
    CHECK(mix.links->counts().next_relays_up == 0);
    auto next = mix.next_document();
    far.list_as("mix-2-0", *next);
    mix.use(next);
    const auto failed = far.listener.counts().failed;
    const auto settled = [&] {
        return mix.links->counts().next_relays_up == 1 || far.listener.counts().failed > failed + 3;
    };
    REQUIRE(loop.until(settled));
    CHECK(mix.links->counts().next_relays_up == 1);
    CHECK(mix.to_relay("mix-2-0") == SendResult::queued);
}

TEST_CASE("links: a relay that shows its old key after a newer document loses the dialled link") {
    Dialing all;
    REQUIRE(all.both_up());
    auto next = all.mix->next_document();
    test::named(*next, "mix-2-0").link_key = key_of_seed(201);
    all.mix->use(next);
    CHECK(all.mix->to_relay("mix-2-0") == SendResult::no_link);
    CHECK(all.mix->to_relay("mix-2-1") == SendResult::queued);
    CHECK(all.loop.until([&] { return all.first.came.front()->ended; }, patience));
}

TEST_CASE("links: a relay that moves is dialled at its new address, and the old link ends") {
    Dialing all;
    FarRelay moved{all.loop, seed_of("mix-2-0")};
    REQUIRE(all.both_up());
    auto next = all.mix->next_document();
    moved.list_as("mix-2-0", *next);
    all.mix->use(next);
    REQUIRE(all.mix->to_relay("mix-2-0") == SendResult::no_link);
    CHECK(all.loop.until([&] { return all.first.came.front()->ended; }, patience));
    REQUIRE(all.loop.until([&] { return !moved.came.empty(); }));
    CHECK(all.both_up());
}

TEST_CASE("links: a newer document that leaves a relay as it was leaves its link as it is") {
    Dialing all;
    REQUIRE(all.both_up());
    all.mix->use(all.mix->next_document());
    CHECK(all.mix->links->counts().next_relays_up == 2);
    REQUIRE(all.mix->to_relay("mix-2-0") == SendResult::queued);
    REQUIRE(all.loop.until([&] { return !all.first.came.front()->got.cells.empty(); }));
    CHECK(all.first.came.size() == 1);
}

TEST_CASE("links: a relay that leaves the network or the next layer is dialled no more") {
    Dialing all;
    REQUIRE(all.both_up());
    auto next = all.mix->next_document();
    std::erase_if(next->relays, [](const auto& relay) { return relay.name == "mix-2-0"; });
    test::named(*next, "mix-2-1").layer = 3;
    all.mix->use(next);
    CHECK(all.mix->links->counts().next_relays == 0);
    CHECK(all.mix->to_relay("mix-2-0") == SendResult::no_link);
    CHECK(all.mix->to_relay("mix-2-1") == SendResult::no_link);
    const auto ended = [&] {
        return all.first.came.front()->ended && all.second.came.front()->ended;
    };
    CHECK(all.loop.until(ended, patience));
}

TEST_CASE("links: a relay that a newer document adds is dialled") {
    Dialing all;
    FarRelay added{all.loop, 201};
    REQUIRE(all.both_up());
    auto next = all.mix->next_document();
    added.list_as("mix-3-0", *next);
    test::named(*next, "mix-3-0").layer = 2;
    all.mix->use(next);
    CHECK(all.mix->links->counts().next_relays == 3);
    CHECK(all.loop.until([&] { return !added.came.empty(); }, patience));
}

TEST_CASE("links: packets on a link that the relay dialled are counted as misrouted, and end") {
    Dialing all;
    REQUIRE(all.both_up());
    auto& link = *all.first.came.front()->link;
    link.send(std::make_unique<cell::Cell>());
    link.send(boxed(numbered(1)));
    REQUIRE(all.loop.until([&] { return all.mix->counters.packets_in > 0; }));
    CHECK(all.mix->counters.packets_in == 1);
    CHECK(all.mix->counters.dropped[static_cast<std::size_t>(DropReason::misrouted)] == 1);
    CHECK(all.mix->packets.empty());
}

TEST_CASE("links: a gateway's document goes out in the place of padding, part by part and once") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto text = gateway.give(random_text(gateway.network.random, 5'000));
    const auto client = join(gateway, 200);
    const auto before_it = gateway.document->epoch.value - 1;
    // One that the client has already is not sent.
    ask(gateway, *client, gateway.document->epoch);
    slots(gateway, *client, 2);
    CHECK(parts(*client).empty());

    ask(gateway, *client, {before_it});
    slots(gateway, *client, 1);
    ask(gateway, *client, {before_it});  // while the first answer is under way
    const auto before = client->got.cells.size();
    REQUIRE(gateway.links->to_client(client->mailbox(), std::make_unique<cell::Cell>(
                                                            numbered(7))) == SendResult::queued);
    REQUIRE(loop.until([&] { return client->got.cells.size() > before; }));
    slots(gateway, *client, 4);
    std::size_t packets = 0;
    for (const auto& cell : client->got.cells)
        packets += cell.kind() == cell::Kind::packet ? 1 : 0;
    CHECK(packets == 1);
    const auto came = parts(*client);
    CHECK(came.size() == 2);  // of three without compression
    CHECK(directory::unpack(joined(came, gateway.document->epoch), nullptr).value() == text);
}

TEST_CASE("links: a client with the document before gets a diff, any other the whole one") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto older = *gateway.document;
    gateway.give(directory::to_text(older));
    auto next = gateway.next_document();
    next->relays.front().capacity += 1;
    const auto text = directory::to_text(*next);
    gateway.text = std::make_shared<std::string>(text);
    gateway.use(next);
    const std::pair<base::Epoch, bool> rows[] = {
        {older.epoch, true}, {{0}, false}, {{older.epoch.value - 1}, false}};
    for (const auto& [have, diff] : rows) {
        const auto client = join(gateway, static_cast<std::uint8_t>(200 + gateway.clients_come));
        ask(gateway, *client, have);
        slots(gateway, *client, 6);
        const auto packed = joined(parts(*client), next->epoch);
        CHECK(directory::is_diff(packed) == diff);
        CHECK(directory::unpack(packed, &older).value() == text);
        if (diff) CHECK(packed.size() < 300);
    }
}

TEST_CASE("links: a client that says anything but a document request loses its link") {
    Loop loop;
    RelayLinks gateway{loop, "gateway-0"};
    const auto client = join(gateway, 200);
    client->send(cell::encode(cell::DocumentRequest{gateway.document->epoch}));
    client->send(numbered(1));
    REQUIRE(loop.until([&] { return !gateway.packets.empty(); }));
    CHECK(client->up());
    client->send(cell::encode(cell::DocumentPart{gateway.document->epoch, 1, 0, {'a'}}));
    CHECK(loop.until([&] { return client->over(); }, patience));
}
