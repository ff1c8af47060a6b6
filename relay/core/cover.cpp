#include "relay/core/cover.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "relay/core/limits.hpp"

#include "sphinx/directory/route.hpp"

namespace nightjar::relay::core {

bool LoopSealer::seal(std::span<const packet::Hop> route, const base::Destination& destination,
                      const base::SurbId& identifier, base::Random& random, base::ByteSpan packet) {
    // The message is empty: under the layers of encryption all payloads look alike.
    const auto built = packet::build(packet::Version::v260, route, destination, identifier, {},
                                     packet::payload_size, packet::HeaderRandomness::draw(random));
    if (!built) return false;
    assert(built->size() == packet.size());
    std::copy(built->begin(), built->end(), packet.begin());
    return true;
}

Cover::Cover(base::NodeId self, std::shared_ptr<const directory::Document> document,
             base::Random& random, Counters& counters, base::Mono now,
             std::shared_ptr<LoopSealer> sealer)
    : self_{self},
      document_{std::move(document)},
      random_{random},
      counters_{counters},
      sealer_{std::move(sealer)},
      last_drawn_{now},
      watch_from_{now + watch_after},
      watched_{now} {
    assert(document_);
}

void Cover::use(std::shared_ptr<const directory::Document> document) {
    document_ = std::move(document);
}

void Cover::tick(base::Mono now, base::Wall wall, std::vector<Loop>& out) {
    expire(now);
    watch(now);
    draw_ahead(now, wall);
    while (!ahead_.empty() && ahead_.front().at <= now) {
        auto slot = std::move(ahead_.front());
        ahead_.pop_front();
        // After a stall we do not send the late loops: a burst would only reveal the stall.
        if (slot.loop && now - slot.at <= lateness_max) {
            out.push_back(std::move(*slot.loop));
            remember(slot.identifier, now);
            ++counters_.loops_sent;
        }
        draw_ahead(now, wall);
    }
}

void Cover::send_one_more(base::Mono now, base::Wall wall, std::vector<Loop>& out) {
    if (stopped_) return;
    auto identifier = random_.id<base::SurbId>();
    while (identifier.is_zero())
        identifier = random_.id<base::SurbId>();
    auto loop = build(identifier, wall);
    if (!loop) return;
    out.push_back(std::move(*loop));
    remember(identifier, now);
    ++counters_.loops_sent;
}

base::Mono Cover::next_due() const {
    if (!ahead_.empty()) return ahead_.front().at;
    return runs() ? last_drawn_ : base::Mono::max();
}

bool Cover::returned(const base::SurbId& identifier, base::Mono arrived) {
    const auto found = outstanding_.find(identifier);
    if (found == outstanding_.end()) return false;
    if (round_trips_.size() < round_trips_max) round_trips_.push_back(arrived - found->second);
    outstanding_.erase(found);
    ++counters_.loops_returned;
    return true;
}

void Cover::stop() {
    stopped_ = true;
    ahead_.clear();
}

std::vector<base::Nanoseconds> Cover::take_round_trips() {
    return std::exchange(round_trips_, {});
}

bool Cover::runs() const {
    return !stopped_ && document_->parameters.relay_loops.milli > 0;
}

void Cover::draw_ahead(base::Mono now, base::Wall wall) {
    if (!runs()) return;
    // A Poisson process is memoryless, so after a stall we simply restart it at the oldest time
    // that is not too late.
    last_drawn_ = std::max(last_drawn_, now - lateness_max);
    const auto mean_gap = document_->parameters.relay_loops.mean_gap();
    while (ahead_.size() < built_ahead) {
        last_drawn_ += random_.exponential(mean_gap);
        Slot slot{last_drawn_, random_.id<base::SurbId>(), {}};
        while (slot.identifier.is_zero())
            slot.identifier = random_.id<base::SurbId>();
        // Do not build a loop for a time that a stall has already made too late.
        const auto ahead = slot.at - now;
        if (-ahead <= lateness_max)
            slot.loop = build(slot.identifier,
                              wall + std::chrono::duration_cast<base::Milliseconds>(ahead));
        ahead_.push_back(std::move(slot));
    }
}

std::optional<Cover::Loop> Cover::build(const base::SurbId& identifier, base::Wall wall) {
    const auto& parameters = document_->parameters;
    const auto* self = document_->find(self_);
    if (!self) return {};
    const auto route = directory::relay_loop_route(*document_, *self, random_);
    if (!route) return {};
    const auto epoch = directory::epoch_to_build_for(wall, parameters.epoch_length);
    std::vector<packet::Hop> hops;
    for (const auto* relay : *route) {
        const auto* key = document_->mix_key(*relay, epoch);
        if (!key) return {};
        const auto delay = parameters.draw_delay(random_);
        hops.push_back({relay->identity, *key, static_cast<std::uint64_t>(delay.count())});
    }
    auto cell = cell::Cell::boxed_packet(epoch.low_byte());
    if (!sealer_->seal(hops, base::Destination{self_.bytes}, identifier, random_, cell->body()))
        return {};
    return Loop{route->front()->identity, std::move(cell)};
}

void Cover::watch(base::Mono now) {
    if (now - watched_ < base::Seconds{1}) return;
    watched_ = now;
    const auto returned = std::exchange(returned_, counters_.loops_returned);
    const auto lost = std::exchange(lost_, counters_.loops_lost);
    if (now >= watch_from_) losses_.poll(returned_ - returned, lost_ - lost);
}

void Cover::remember(const base::SurbId& identifier, base::Mono sent) {
    if (by_age_.size() == outstanding_max) {
        counters_.loops_lost += outstanding_.erase(by_age_.front().second);
        by_age_.pop_front();
    }
    outstanding_.emplace(identifier, sent);
    by_age_.emplace_back(sent, identifier);
}

void Cover::expire(base::Mono now) {
    const auto oldest = now - document_->parameters.longest_route_delay();
    while (!by_age_.empty() && by_age_.front().first < oldest) {
        counters_.loops_lost += outstanding_.erase(by_age_.front().second);
        by_age_.pop_front();
    }
}

}  // namespace nightjar::relay::core
