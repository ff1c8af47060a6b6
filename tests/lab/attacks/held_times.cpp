#include "tests/lab/attacks/held_times.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "tests/lab/attacks/mix_drive.hpp"
#include "tests/lab/world/relay_node.hpp"
#include "tests/support/owned_filter.hpp"

namespace nightjar::lab::attacks {
namespace {

using lab::world::World;

constexpr std::size_t batch_max = 64;  // relay::UnwrapPool's

/// The time that a worker takes for a batch.
base::Nanoseconds unwrap_time(Kernel kernel, std::size_t packets) {
    const auto n = static_cast<double>(packets);
    double us = 0;
    if (kernel == Kernel::portable) us = 106 * n;
    if (kernel == Kernel::avx2) us = n < 4 ? 107.4 + (n - 1) * 10.2 : 138 + (n - 4) * 31.6;
    return base::from_seconds(us * 1e-6);
}

lab::world::WorldOptions world_options(std::uint64_t seed) {
    lab::world::WorldOptions options;
    options.seed = seed;
    options.packets = lab::world::Packets::clear;
    options.parameters.relay_loops = {0};
    options.parameters.mean_delay = mean_delay;
    return options;
}

/// A mix of the first layer, with its workers, its ticker and its links.
class Relay final : relay::core::Egress {
 public:
    explicit Relay(const HeldOptions& options);
    HeldTimes run();

 private:
    struct Batch {
        base::Mono done;
        std::vector<relay::core::Work> works;
    };

    void arrive(std::size_t number);
    void dispatch(base::Mono now);
    void take_back();
    void ring(base::Mono now);
    base::Mono rings_at(base::Mono now) const;
    relay::core::SendResult to_relay(const base::NodeId&, cell::CellBox cell) override;
    relay::core::SendResult to_client(const base::MailboxId&, cell::CellBox) override {
        return relay::core::SendResult::no_link;
    }

    const HeldOptions options_;
    World world_;
    Traffic traffic_;
    std::shared_ptr<const directory::Document> document_;
    base::Wall wall_;
    relay::core::Keyring keyring_;
    base::SeededRandom random_;
    relay::core::Counters counters_;
    std::unique_ptr<relay::core::Pipeline> pipeline_;
    std::unique_ptr<client::core::Sealer> sealer_;
    std::deque<relay::core::Work> waiting_;
    std::vector<Batch> working_;  // one for each busy worker
    base::Nanoseconds busy_{}, unwrapping_{};
    base::Mono last_ring_{}, now_{};
    HeldTimes result_;
};

double arrivals_per_second(const HeldOptions& options) {
    const auto kernel = options.kernel == Kernel::none ? Kernel::avx2 : options.kernel;
    return options.load * options.workers * batch_max /
           base::to_seconds(unwrap_time(kernel, batch_max));
}

Relay::Relay(const HeldOptions& options)
    : options_{options},
      world_{world_options(options.seed)},
      traffic_{poisson(options.seed, arrivals_per_second(options), options.packets)},
      document_{world_.document(world_.wall(world_.mix(1, 0)))},
      wall_{world_.wall(world_.mix(1, 0))},
      keyring_{document_->parameters.epoch_length, document_->parameters.key_grace()},
      random_{options.seed + 1},
      sealer_{lab::world::client_sealer(lab::world::Packets::clear, options.seed)} {
    const auto self = world_.mix(1, 0).identity();
    auto key = std::make_shared<relay::core::MixKeyPair>();
    key->epoch = document_->epoch;
    const auto& keys = world_.mix_key(self, document_->epoch);
    key->keys.secret = keys.secret.copy();
    key->keys.public_key = keys.public_key;
    keyring_.add(std::move(key), std::make_unique<test::OwnedFilter>(2 * options.packets));
    pipeline_ = std::make_unique<relay::core::Pipeline>(self, document_, keyring_, nullptr, random_,
                                                        counters_, traffic_.arrivals.front());
}

void Relay::arrive(std::size_t number) {
    const auto delay = traffic_.capped[number];
    const packet::Hop route[] = {
        {world_.mix(1, 0).identity(), {}, static_cast<std::uint64_t>(delay.count())},
        {world_.mix(2, 0).identity(), {}, 0}};
    base::ByteArray<sizeof number> message;
    std::memcpy(message.data(), &number, sizeof number);
    auto cell = cell::Cell::boxed_packet(document_->epoch.low_byte());
    sealer_->forward(route, {}, message, random_, cell->body());
    const relay::core::Origin gateway{document_->find(world_.gateway(0).identity()), {}};
    auto work = pipeline_->accept(gateway, std::move(cell), now_ - options_.earlier, wall_);
    result_.asked_mean_ms += 1e3 * base::to_seconds(delay);
    if (work) waiting_.push_back(std::move(*work));
    dispatch(now_);
}

void Relay::dispatch(base::Mono now) {
    while (working_.size() < options_.workers && !waiting_.empty()) {
        const auto idle = options_.workers - working_.size();
        const auto count = std::min((waiting_.size() + idle - 1) / idle, batch_max);
        const auto time = unwrap_time(options_.kernel, count);
        busy_ += time;
        Batch batch{now + time, {}};
        for (std::size_t i = 0; i < count; ++i) {
            unwrapping_ += batch.done - (waiting_.front().arrived + options_.earlier);
            batch.works.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        working_.push_back(std::move(batch));
        std::sort(working_.begin(), working_.end(),
                  [](const Batch& a, const Batch& b) { return a.done < b.done; });
    }
}

void Relay::take_back() {
    auto batch = std::move(working_.front());
    working_.erase(working_.begin());
    dispatch(now_);
    lab::world::unwrap(lab::world::Packets::clear, batch.works);
    pipeline_->unwrapped(batch.works);
}

base::Mono Relay::rings_at(base::Mono now) const {
    const auto due = pipeline_->next_due();
    if (due == base::Mono::max()) return due;
    const base::Mono whole{std::chrono::ceil<base::Milliseconds>(due.time_since_epoch())};
    return std::max({whole, last_ring_ + tick_length, now});
}

void Relay::ring(base::Mono now) {
    last_ring_ = std::chrono::floor<base::Milliseconds>(now);
    pipeline_->tick(now, wall_, *this);
}

relay::core::SendResult Relay::to_relay(const base::NodeId&, cell::CellBox cell) {
    std::size_t number = 0;
    std::memcpy(&number, cell->body().data() + packet::header_size + packet::payload_zeros,
                sizeof number);
    result_.held_ms.push_back(1e3 * base::to_seconds(now_ - traffic_.arrivals[number]));
    return relay::core::SendResult::queued;
}

HeldTimes Relay::run() {
    std::size_t next = 0;
    for (;;) {
        const auto arrival =
            next < traffic_.arrivals.size() ? traffic_.arrivals[next] : base::Mono::max();
        const auto done = working_.empty() ? base::Mono::max() : working_.front().done;
        const auto rings = rings_at(now_);
        now_ = std::min({arrival, done, rings});
        if (now_ == base::Mono::max()) break;
        if (now_ == arrival)
            arrive(next++);
        else if (now_ == done)
            take_back();
        else
            ring(now_);
    }
    const auto packets = static_cast<double>(options_.packets);
    const auto time = base::to_seconds(traffic_.arrivals.back() - traffic_.arrivals.front());
    result_.asked_mean_ms /= packets;
    result_.per_second = packets / time;
    result_.busy_share = base::to_seconds(busy_) / time / options_.workers;
    result_.unwrap_mean_ms = 1e3 * base::to_seconds(unwrapping_) / packets;
    result_.lost = options_.packets - result_.held_ms.size();
    return std::move(result_);
}

constexpr double mean_ms = 50;
constexpr double cap_in_means = 10;

}  // namespace

HeldTimes held_times(const HeldOptions& options) {
    return Relay{options}.run();
}

double law_cdf(double ms) {
    return std::min(1.0, -std::expm1(-std::max(0.0, ms) / mean_ms) / -std::expm1(-cap_in_means));
}

double law_and_tick_cdf(double ms) {
    if (ms <= 0) return 0;
    // The mean of law_cdf over the millisecond before, from its integral; ignores the edge at the
    // cap.
    const auto integral = [](double x) { return x + mean_ms * std::expm1(-x / mean_ms); };
    const auto whole = integral(ms) - integral(std::max(0.0, ms - 1));
    return std::min(1.0, whole / -std::expm1(-cap_in_means));
}

}  // namespace nightjar::lab::attacks
