#include "tests/bench/relay_load/surroundings.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "relay/operation/init.hpp"
#include "sphinx/directory/descriptor.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/process/clocks.hpp"
#include "sphinx/stream/header.hpp"
#include "tests/support/networks.hpp"

namespace nightjar::bench {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr const char* network_name = "bench";
constexpr std::size_t dials_at_once = 16;  // below a listener's limit for one source

base::Secret<32> random_seed(base::Random& random) {
    base::Secret<32> seed;
    random.fill(seed.span());
    return seed;
}

/// A port of loopback that no socket has now.
tcp::endpoint free_address() {
    asio::io_context io;
    return tcp::acceptor{io, {asio::ip::address_v4::loopback(), 0}}.local_endpoint();
}

node::link::LinkLimits limits() {
    node::link::LinkLimits limits;
    limits.handshake = base::Milliseconds{60'000};
    return limits;
}

}  // namespace

/// A relay or client that dials the relay under test.
struct Surroundings::Peer : node::link::Link::Sink {
    Peer(Surroundings& all, base::Random& random) : around{all}, identity{random_seed(random)} {}
    void on_cell(node::link::Link&, cell::CellBox cell) override {
        if (cell->kind() == cell::Kind::packet && around.on_cell_) around.on_cell_(mark_of(*cell));
    }
    base::Destination mailbox() const { return {identity.key().bytes}; }

    Surroundings& around;
    node::link::TlsIdentity identity;
    std::unique_ptr<node::link::Link> link;
};

/// A relay that the relay under test dials.
struct Surroundings::NextRelay : node::link::Link::Sink {
    NextRelay(Surroundings& all, base::Random& random)
        : around{all},
          identity{random_seed(random)},
          listener{all.io_.get_executor(),
                   {asio::ip::address_v4::loopback(), 0},
                   identity,
                   all.hello(cell::LinkRole::relay),
                   limits(),
                   [this](std::unique_ptr<node::link::Link> one) { take(std::move(one)); }} {
        around.tasks_.spawn("listener", listener.run());
    }
    void take(std::unique_ptr<node::link::Link> one) {
        link = std::move(one);
        ++around.next_up_;
        around.tasks_.spawn("link", run(link->run(*this)));
    }
    static asio::awaitable<void> run(asio::awaitable<node::link::LinkError> link) {
        co_await std::move(link);
    }
    void on_cell(node::link::Link&, cell::CellBox cell) override {
        if (cell->kind() == cell::Kind::packet && around.on_cell_) around.on_cell_(mark_of(*cell));
    }

    Surroundings& around;
    node::link::TlsIdentity identity;
    std::unique_ptr<node::link::Link> link;
    base::NodeId id;
    node::link::Listener listener;
};

Surroundings::Surroundings(const Shape& shape)
    : shape_{shape},
      tasks_{io_.get_executor(),
             [this](const std::string& task, const std::string& what) {
                 refused_ = task + ": " + what;
             }},
      mix_key_{packet::generate_key_pair(random_)},
      authority_{random_seed(random_)} {
    make_peers();
    // Only now: their listeners must not take the port.
    address_ = free_address();
    make_relay();
    make_document();
}

Surroundings::~Surroundings() {
    for (auto& next : next_) {
        next->listener.stop();
        next->link.reset();
    }
    for (auto* peers : {&previous_, &clients_})
        for (auto& peer : *peers)
            peer->link.reset();
    tasks_.cancel();
    while (tasks_.running() > 0)
        work_until(node::process::mono_now() + base::Milliseconds{1});
}

void Surroundings::make_relay() {
    relay::operation::InitOptions options;
    options.folder = folder();
    auto& config = options.config;
    config.name = "under-test";
    config.listen = {{"127.0.0.1", address_.port()}};
    config.runtime_dir = "run";
    config.workers = shape_.workers;
    config.packets_per_second = shape_.packets_per_second;
    config.role = shape_.clients > 0 ? directory::Role::gateway : directory::Role::mix;
    config.layer = shape_.clients > 0 ? 0 : 2;
    if (shape_.exit) {
        config.exit_policy = {"accept *:80"};
        config.dns_servers = {{base::IpAddress::parse("127.0.0.1").value(), 53}};
    }
    std::ostringstream ignored;
    relay::operation::init_relay(options, node::process::read_clocks(), ignored);
    std::ifstream file{folder() / "descriptor", std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    const auto descriptor = directory::parse_descriptor(text);
    if (!descriptor) throw std::runtime_error{"the relay's descriptor cannot be read"};
    relay_ = descriptor->relay;
    relay_.capacity = 200'000;  // no rate of this benchmark is far above a neighbour's part
    document_.epoch = descriptor->epoch;
}

directory::Relay Surroundings::listed(std::uint8_t layer, const std::string& name) {
    auto relay = test::random_relay(random_, layer);
    relay.name = name;
    relay.mix_key = packet::generate_key_pair(random_).public_key;
    relay.next_mix_key = packet::generate_key_pair(random_).public_key;
    relay.addresses = {{"127.0.0.1", 1}};
    return relay;
}

void Surroundings::make_peers() {
    anchors_.network = network_name;
    directory::Document empty;  // signed only to learn the authority's public key
    empty.network = network_name;
    directory::sign(empty, authority_);
    anchors_.authorities = {empty.signatures.front().authority};
    network_ = directory::network_id(anchors_);
    for (std::size_t i = 0; i < shape_.previous; ++i)
        previous_.push_back(std::make_unique<Peer>(*this, random_));
    for (std::size_t i = 0; i < shape_.next; ++i)
        next_.push_back(std::make_unique<NextRelay>(*this, random_));
    for (std::size_t i = 0; i < shape_.clients; ++i)
        clients_.push_back(std::make_unique<Peer>(*this, random_));
}

void Surroundings::make_document() {
    document_.network = network_name;
    document_.parameters.lab = true;
    document_.parameters.mean_delay = shape_.mean_delay;
    const auto length = document_.parameters.epoch_length;
    document_.valid_from = directory::epoch_start(document_.epoch, length);
    document_.valid_until = document_.valid_from + 2 * length;
    const bool gateway = shape_.clients > 0;
    for (std::size_t i = 0; i < previous_.size(); ++i) {
        auto relay = listed(gateway ? 3 : 1, "before-" + std::to_string(i));
        relay.link_key = previous_[i]->identity.key();
        document_.relays.push_back(relay);
    }
    for (std::size_t i = 0; i < next_.size(); ++i) {
        auto relay = listed(gateway ? 1 : 3, "behind-" + std::to_string(i));
        relay.link_key = next_[i]->identity.key();
        relay.addresses = {{"127.0.0.1", next_[i]->listener.address().port()}};
        next_[i]->id = relay.identity;
        document_.relays.push_back(relay);
    }
    if (gateway) document_.relays.push_back(listed(2, "middle"));
    // The relay's loops are lost here. All of them pass one relay, this gateway or the middle one,
    // so the relay does not take their loss for an attack on itself, which it would answer.
    const auto passed = listed(0, "gateway");
    anchors_.gateways.push_back({passed.identity, passed.addresses.front(), passed.link_key});
    document_.relays.push_back(passed);
    document_.relays.push_back(relay_);
    directory::sign(document_, authority_);
    node::config::save_anchors(folder() / "network.yaml", anchors_);
    std::ofstream{folder() / "document", std::ios::binary} << directory::to_text(document_);
}

cell::Hello Surroundings::hello(cell::LinkRole role) const {
    return {cell::protocol_version, network_, role};
}

asio::awaitable<void> Surroundings::dial(Surroundings* self, Peer* peer, cell::LinkRole role) {
    auto dialled = co_await node::link::dial(self->address_, peer->identity, self->relay_.link_key,
                                             self->hello(role), limits());
    --self->dialling_;
    if (!dialled) {
        self->refused_ = node::link::to_string(dialled.error());
        co_return;
    }
    peer->link = std::move(*dialled);
    co_await peer->link->run(*peer);
}

void Surroundings::dial_all(std::vector<std::unique_ptr<Peer>>& peers, cell::LinkRole role) {
    for (auto& peer : peers) {
        while (dialling_ >= dials_at_once)
            work_until(node::process::mono_now() + base::Milliseconds{1});
        ++dialling_;
        tasks_.spawn("dial", dial(this, peer.get(), role));
    }
    while (dialling_ > 0)
        work_until(node::process::mono_now() + base::Milliseconds{1});
    if (!refused_.empty()) throw std::runtime_error{"a link was refused: " + refused_};
}

void Surroundings::connect() {
    dial_all(previous_, cell::LinkRole::relay);
    dial_all(clients_, cell::LinkRole::client);
}

bool Surroundings::send_as_relay(std::size_t link, cell::CellBox cell) {
    return previous_[link]->link->send(std::move(cell));
}

bool Surroundings::send_as_client(std::size_t link, cell::CellBox cell) {
    return clients_[link]->link->send(std::move(cell));
}

PacketPlan Surroundings::plan() const {
    const auto& law = document_.parameters;
    const auto epoch = directory::epoch_to_build_for(node::process::wall_now(), law.epoch_length);
    const auto* key = document_.mix_key(relay_, epoch);
    if (key == nullptr) throw std::runtime_error{"the bench has outlived its document"};
    return {
        {relay_.identity, *key, 0}, mix_key_.public_key, epoch, law.mean_delay, law.delay_cap()};
}

std::vector<Target> Surroundings::targets(std::size_t count) {
    std::vector<Target> all(count);
    for (auto& target : all)
        target.next = next_[static_cast<std::size_t>(random_.below(next_.size()))]->id;
    return all;
}

std::vector<Prepared> Surroundings::relay_packets(std::size_t count) {
    auto packets = forward_packets(plan(), targets(count), random_);
    for (auto& packet : packets)
        packet.link = static_cast<std::size_t>(random_.below(previous_.size()));
    return packets;
}

std::vector<Prepared> Surroundings::client_packets(std::size_t count) {
    auto packets = forward_packets(plan(), targets(count), random_);
    for (auto& packet : packets) {
        packet.from_client = true;
        packet.link = static_cast<std::size_t>(random_.below(clients_.size()));
    }
    return packets;
}

std::vector<Prepared> Surroundings::client_deliveries(std::size_t count) {
    std::vector<Target> all(count);
    for (auto& target : all)
        target.mailbox =
            clients_[static_cast<std::size_t>(random_.below(clients_.size()))]->mailbox();
    auto packets = deliveries(plan(), all, random_);
    for (auto& packet : packets)
        packet.link = static_cast<std::size_t>(random_.below(previous_.size()));
    return packets;
}

std::vector<Prepared> Surroundings::session_packets(std::size_t sessions, std::size_t each,
                                                    std::uint32_t pace_milli,
                                                    std::vector<Mark>& replies) {
    std::vector<Prepared> all;
    for (std::size_t i = 0; i < sessions; ++i) {
        std::vector<base::NodeId> first_hops;
        for (std::size_t n = 0; n < each * stream::surbs_max; ++n)
            first_hops.push_back(next_[static_cast<std::size_t>(random_.below(next_.size()))]->id);
        auto packets = packets_of_session(plan(), first_hops, pace_milli, random_, replies);
        const auto link = static_cast<std::size_t>(random_.below(previous_.size()));
        for (auto& packet : packets) {
            packet.link = link;
            all.push_back(std::move(packet));
        }
    }
    return all;
}

void Surroundings::poll() {
    io_.restart();
    io_.poll();
}

void Surroundings::work_until(base::Mono end) {
    io_.restart();
    io_.run_one_until(end);
    io_.poll();
}

}  // namespace nightjar::bench
