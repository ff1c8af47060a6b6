// An authority's loops over a real link, through a network whose relays a test plays: all of them
// behind one gateway's listener.
#include "relay/authority/looper.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "sphinx/node/process/clocks.hpp"
#include "sphinx/packet/packet.hpp"
#include "tests/support/networks.hpp"
#include "tests/system/relay_links.hpp"

using namespace nightjar;
using namespace nightjar::tests;
using relay::authority::Looper;
using relay::authority::core::LoopLosses;

namespace {

struct Played final : node::link::Link::Sink {
    Loop loop;
    base::SeededRandom random{4};
    std::shared_ptr<directory::Document> document;
    std::map<base::NodeId, packet::SecretKey> secrets;
    base::NodeId changes;  // every packet
    node::link::TlsIdentity identity{seed(9)};
    std::optional<node::link::Listener> listener;
    std::vector<std::shared_ptr<node::link::Link>> links;
    std::set<base::LinkKey> clients;
    std::size_t came = 0, ended_at_another = 0, refused = 0;

    Played() {
        document = std::make_shared<directory::Document>(test::make_network(5).document);
        auto& law = document->parameters;
        law.mean_delay = base::Milliseconds{1};
        law.main_slots = {500'000};
        const auto now = node::process::wall_now();
        document->epoch = directory::epoch_at(now, law.epoch_length);
        listener.emplace(loop.io.get_executor(), tcp::endpoint{asio::ip::address_v4::loopback(), 0},
                         identity, hello(cell::LinkRole::relay), patient_limits(),
                         [this](auto link) { take(std::move(link)); });
        for (auto& relay : document->relays) {
            // The same in both epochs, so that a turn of the hour changes nothing.
            auto keys = packet::generate_key_pair(random);
            relay.mix_key = relay.next_mix_key = keys.public_key;
            secrets.emplace(relay.identity, std::move(keys.secret));
            relay.addresses = {{"127.0.0.1", 1}};  // refuses
        }
        auto& gateway = test::named(*document, "gateway-1");
        gateway.addresses = {{"127.0.0.1", listener->address().port()}};
        gateway.link_key = identity.key();
        loop.tasks.spawn("listener", listener->run());
    }
    ~Played() override {
        listener->stop();
        loop.finish();
    }

    void take(std::unique_ptr<node::link::Link> link) {
        CHECK(link->peer_hello().role == cell::LinkRole::client);
        clients.insert(link->peer_key());
        links.emplace_back(std::move(link));
        loop.tasks.spawn("link", run(links.back()));
    }
    asio::awaitable<void> run(std::shared_ptr<node::link::Link> link) { co_await link->run(*this); }
    const base::NodeId& id(const char* name) const { return test::named(*document, name).identity; }
    /// All hops of a loop at once.
    void on_cell(node::link::Link& link, cell::CellBox cell) override {
        ++came;
        base::Bytes packet(cell->body().begin(), cell->body().end());
        auto at = id("gateway-1");
        for (;;) {
            const auto opened = packet::unwrap(packet, secrets.at(at), packet::packet_size);
            if (!opened) {
                ++refused;
                return;
            }
            if (at == changes) packet.back() ^= 1;
            if (const auto* last = std::get_if<packet::Final>(&opened->what)) {
                if (at != id("gateway-1") || last->destination.bytes != link.peer_key().bytes)
                    ++ended_at_another;
                auto answer = cell::Cell::boxed_packet(0);
                const auto& name = last->identifier.bytes;
                std::copy(name.begin(), name.end(), answer->body().begin());
                std::copy(packet.begin() + packet::header_size, packet.end(),
                          answer->body().begin() + static_cast<std::ptrdiff_t>(name.size()));
                link.send(std::move(answer));
                return;
            }
            at = std::get<packet::Forward>(opened->what).next;
        }
    }
};

asio::awaitable<void> count(int& sweeps) {
    ++sweeps;
    co_return;
}

}  // namespace

TEST_CASE("looper: a mix that changes loops is stated, as if it lost them") {
    Played network;
    // Beside each of the other layers only the one gateway would be left, which may be the liar.
    network.changes = network.id("mix-2-1");
    LoopLosses losses;
    int sweeps = 0;
    Looper::Options options;
    options.network = hello(cell::LinkRole::client).network;
    options.lab = true;
    options.period = base::Seconds{0};
    options.now = [] { return node::process::wall_now(); };
    options.document = [&] { return network.document; };
    options.swept = [&](Looper::DocumentRef) { return count(sweeps); };
    options.limits = patient_limits();
    Looper looper{losses, std::move(options)};
    looper.start(network.loop.tasks);
    REQUIRE(network.loop.until([&] { return sweeps >= 3; }));
    // 400 in each sweep, less what a busy machine slept through. The other gateway refuses.
    CHECK(network.came > 100);
    CHECK(network.refused == 0);
    CHECK(network.ended_at_another == 0);
    CHECK(network.clients.size() >= 3);  // a new key for each turn
    const auto stated = losses.stated(*network.document);
    REQUIRE(stated.size() == 1);
    CHECK(stated.begin()->first == network.changes);
    CHECK(stated.begin()->second.share > 0.9);
    network.loop.finish();
}

TEST_CASE("looper: without a document, or a gateway that can be reached, it waits") {
    Played network;
    LoopLosses losses;
    int asked = 0, sweeps = 0;
    Looper::Options options;
    options.network = hello(cell::LinkRole::client).network;
    options.period = base::Seconds{0};
    options.now = [] { return node::process::wall_now(); };
    // Not a laboratory: no address here may be dialled.
    options.document = [&] { return ++asked % 2 == 0 ? network.document : nullptr; };
    options.swept = [&](Looper::DocumentRef) { return count(sweeps); };
    Looper looper{losses, std::move(options)};
    looper.start(network.loop.tasks);
    REQUIRE(network.loop.until([&] { return sweeps >= 2; }));
    CHECK(network.came == 0);
    CHECK(losses.stated(*network.document).empty());
    network.loop.finish();
}
