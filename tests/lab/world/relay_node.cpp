#include "tests/lab/world/relay_node.hpp"

#include <algorithm>
#include <utility>

#include "tests/support/owned_filter.hpp"

namespace nightjar::lab::world {
namespace {

/// A replay filter that grows with its tags. A filter exists for two or three epochs at once, and
/// only one of them has many tags.
class GrowingFilter final : private std::vector<base::Bytes>, public relay::core::ReplayFilter {
 public:
    explicit GrowingFilter(std::uint64_t packets)
        : std::vector<base::Bytes>{base::Bytes(next_part(packets, {}))},
          relay::core::ReplayFilter{front()},
          packets_{packets} {}

 private:
    base::ByteSpan take_part() override {
        std::vector<std::size_t> sizes;
        for (const auto& part : *this)
            sizes.push_back(part.size());
        const auto size = next_part(packets_, sizes);
        if (size == 0) return {};
        return emplace_back(base::Bytes(size));
    }

    std::uint64_t packets_;
};

std::unique_ptr<relay::core::ReplayFilter> replay_filter(const WorldOptions& options) {
    if (options.replay_grows) return std::make_unique<GrowingFilter>(options.replay_packets);
    return std::make_unique<test::OwnedFilter>(options.replay_packets);
}

}  // namespace

RelayNode::RelayNode(World& world, base::NodeId identity, bool exit)
    : world_{world},
      identity_{identity},
      is_exit_{exit},
      random_{world.fork_random()},
      document_{world.document(world.wall(*this))},
      keyring_{document_->parameters.epoch_length, document_->parameters.key_grace()} {
    start();
}

void RelayNode::start() {
    const auto packets = world_.options().packets;
    if (is_exit_)
        exit_ = std::make_unique<relay::core::ExitSessions>(document_->parameters, *random_,
                                                            counters, relay::core::ExitLimits{},
                                                            reply_sealer(packets));
    auto options = world_.options().pipeline;
    options.loop_sealer = loop_sealer(packets, world_.fork_seed());
    pipeline_ = std::make_unique<relay::core::Pipeline>(identity_, document_, keyring_, exit_.get(),
                                                        *random_, counters, world_.now(),
                                                        std::move(options));
    if (is_exit_) exit_host_ = std::make_unique<ExitHost>(*exit_, world_.servers);
    follow_the_clock();
}

void RelayNode::restart() {
    exit_host_.reset();
    pipeline_.reset();
    exit_.reset();
    waiting_.clear();
    kept_.clear();
    frozen = false;
    document_ = latest_document();
    start();
}

bool RelayNode::receive(std::uint32_t from, cell::CellBox cell, base::Mono at) {
    if (cell->kind() != cell::Kind::packet) return false;
    if (!frozen) return take(from, std::move(cell), at);
    if (kept_.size() < kernel_keeps) kept_.emplace_back(from, std::move(cell));
    return false;
}

bool RelayNode::take(std::uint32_t from, cell::CellBox cell, base::Mono at) {
    relay::core::Origin source{world_.listed(*document_, from), {}};
    if (const auto* client = std::get_if<base::MailboxId>(&world_.peer(from)))
        source.client = *client;
    auto work = pipeline_->accept(source, std::move(cell), at, world_.wall(*this));
    if (work) {
        if (waiting_.empty()) waiting_.swap(world_.spare_work());
        waiting_.push_back(std::move(*work));
    }
    return true;  // also after a drop: the key may have been missing, and the step can load it
}

void RelayNode::step(base::Mono now) {
    if (frozen) return;
    follow_the_clock();
    for (auto& [from, cell] : std::exchange(kept_, {}))
        take(from, std::move(cell), now);
    if (!waiting_.empty()) {
        unwrap(world_.options().packets, waiting_);
        pipeline_->unwrapped(waiting_);
        waiting_.clear();
        waiting_.swap(world_.spare_work());
    }
    pipeline_->tick(now, world_.wall(*this), *this);
    while (pipeline_->build_ahead(now, world_.wall(*this))) {
    }
    if (exit_host_) exit_host_->step();
}

base::Mono RelayNode::next_due() const {
    if (frozen) return base::Mono::max();
    return waiting_.empty() && kept_.empty() ? pipeline_->next_due() : base::Mono::min();
}

relay::core::SendResult RelayNode::to_relay(const base::NodeId& next, cell::CellBox cell) {
    return world_.send(*this, next, std::move(cell));
}

relay::core::SendResult RelayNode::to_client(const base::MailboxId& client, cell::CellBox cell) {
    return world_.send(*this, client, std::move(cell));
}

std::shared_ptr<const directory::Document> RelayNode::latest_document() const {
    return world_.document(world_.wall(*this) - document_late);
}

void RelayNode::follow_the_clock() {
    const auto wall = world_.wall(*this);
    auto document = latest_document();
    if (document->epoch > document_->epoch) {
        document_ = std::move(document);
        pipeline_->use(document_);
    }
    keyring_.forget(wall);
    hold_key(document_->epoch);
    hold_key(document_->epoch.next());
}

void RelayNode::hold_key(base::Epoch epoch) {
    if (keyring_.filter(epoch)) return;
    const auto& keys = world_.mix_key(identity_, epoch);
    auto pair = std::make_shared<relay::core::MixKeyPair>();
    pair->epoch = epoch;
    pair->keys.secret = keys.secret.copy();
    pair->keys.public_key = keys.public_key;
    keyring_.add(std::move(pair), replay_filter(world_.options()));
}

}  // namespace nightjar::lab::world
