#include "relay/core/cover.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "relay/core/limits.hpp"

#include "sphinx/directory/route.hpp"
#include "sphinx/packet/draft.hpp"

namespace nightjar::relay::core {

void LoopSealer::seal(std::span<LoopJob> jobs, base::Random& random) {
    std::vector<packet::HeaderRandomness> randomness;
    randomness.reserve(jobs.size());
    std::vector<packet::DraftJob> drafts;
    for (const auto& job : jobs) {
        randomness.push_back(packet::HeaderRandomness::draw(random));
        drafts.push_back({.route = job.route,
                          .destination = job.destination,
                          .identifier = job.identifier,
                          .randomness = &randomness.back()});
    }
    packet::draft_batch(drafts);
    // The message is empty: under the layers of encryption all payloads look alike.
    std::vector<packet::SealJob> seals;
    for (const auto& draft : drafts)
        if (draft.outcome) seals.push_back({.draft = &*draft.outcome});
    packet::seal_batch(seals, packet::payload_size);
    auto next = seals.begin();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i].sealed = drafts[i].outcome.has_value();
        if (!jobs[i].sealed) continue;
        const auto& built = *(next++)->outcome;
        assert(built.size() == jobs[i].packet.size());
        std::copy(built.begin(), built.end(), jobs[i].packet.begin());
    }
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
      watch_{*document_, now} {}

void Cover::use(std::shared_ptr<const directory::Document> document) {
    document_ = std::move(document);
    watch_.use(*document_);
    fill_loops_.clear();
    fill_drops_.clear();
}

void Cover::tick(base::Mono now, base::Wall wall, std::vector<Loop>& out) {
    expire(now);
    watch_.step(now);
    if (ahead_.empty()) draw_ahead(now, wall);
    while (!ahead_.empty() && ahead_.front().at <= now) {
        auto slot = std::move(ahead_.front());
        ahead_.pop_front();
        if (ahead_.empty()) draw_ahead(now, wall);
        // After a stall we do not send the late loops: a burst would only reveal the stall.
        if (now - slot.at > lateness_max) continue;
        // The clock was set, the machine slept, or a document has come.
        if (!slot.built || slot.built->epoch != epoch_to_build_for(wall))
            slot.built = build(draw(slot.identifier, wall));
        if (slot.built) send(std::move(*slot.built), slot.identifier, now, out);
    }
}

bool Cover::wants_to_build() const {
    if (runs() && ahead_.size() < built_ahead) return true;
    return fills() && std::min(fill_loops_.size(), fill_drops_.size()) < ready_each_;
}

bool Cover::build_ahead(base::Mono now, base::Wall wall) {
    if (!wants_to_build()) return false;
    if (runs() && ahead_.size() < built_ahead) {
        draw_ahead(now, wall);
        return true;
    }
    for (auto* ready : {&fill_loops_, &fill_drops_})
        drop_other_epochs(*ready, wall);
    const auto kind = fill_loops_.size() < ready_each_ ? Fill::loops : Fill::drop_cover;
    const auto before = built(kind).size();
    build_filling(kind, built_together, wall);
    return built(kind).size() > before;
}

void Cover::send_one_more(base::Mono now, base::Wall wall, std::vector<Loop>& out) {
    if (stopped_) return;
    auto one = take_filling(Fill::loops, wall);
    if (!one) return;
    if (filling_by_age_.size() == filling_max) lose_filling();
    filling_.emplace(one->identifier, now);
    filling_by_age_.emplace_back(now, one->identifier);
    out.push_back(std::move(one->built.loop));
    ++counters_.loops_sent;
    ++counters_.fill_loops;
}

void Cover::send(Built built, const base::SurbId& identifier, base::Mono now,
                 std::vector<Loop>& out) {
    if (by_age_.size() == outstanding_max) {
        lose(by_age_.front().second);
        by_age_.pop_front();
    }
    outstanding_.emplace(identifier, OnItsWay{now, std::move(built.way)});
    by_age_.emplace_back(now, identifier);
    in_time_.emplace_back(now, identifier);
    out.push_back(std::move(built.loop));
    ++counters_.loops_sent;
}

void Cover::drop_cover(base::Mono now, base::Wall wall, std::vector<Loop>& out) {
    if (!runs() || !watch_.answers()) return drop_cover_due_.reset();
    const auto mean_gap = document_->parameters.relay_loops.mean_gap() / drop_cover_loops;
    if (!drop_cover_due_) drop_cover_due_ = now + random_.exponential(mean_gap);
    // As with loops: no burst after a stall.
    drop_cover_due_ = std::max(*drop_cover_due_, now - lateness_max);
    for (; *drop_cover_due_ <= now; *drop_cover_due_ += random_.exponential(mean_gap)) {
        auto built = build(draw_drop_cover(wall));
        if (!built) continue;
        out.push_back(std::move(built->loop));
        ++counters_.drop_cover;
    }
}

void Cover::send_one_drop(base::Wall wall, std::vector<Loop>& out) {
    if (stopped_) return;
    auto one = take_filling(Fill::drop_cover, wall);
    if (!one) return;
    out.push_back(std::move(one->built.loop));
    ++counters_.drop_cover;
}

std::optional<Cover::Drawn> Cover::draw_filling(Fill kind, base::Wall wall) {
    if (kind == Fill::loops) return draw(draw_identifier(), wall);
    const auto* self = document_->find(self_);
    if (!self) return {};
    const auto* other = directory::choose_exit(*document_, *self, random_);
    if (!other) return {};
    const auto route = directory::reply_route(*document_, *self, *other, {}, random_);
    if (!route) return {};
    return draw_hops(*route, {}, {}, wall);
}

void Cover::build_filling(Fill kind, std::size_t count, base::Wall wall) {
    std::array<std::optional<Drawn>, built_together> drawn;
    assert(count <= drawn.size());
    const auto first = std::span{drawn}.first(count);
    for (auto& one : first)
        one = draw_filling(kind, wall);
    seal(first);
    for (auto& one : first)
        if (one) built(kind).push_back({one->identifier, std::move(one->built)});
}

void Cover::drop_other_epochs(Fillings& ready, base::Wall wall) const {
    while (!ready.empty() && ready.front().built.epoch != epoch_to_build_for(wall))
        ready.pop_front();
}

/// One for the present epoch: the clock may have been set, or the epoch has changed.
std::optional<Cover::Filling> Cover::take_filling(Fill kind, base::Wall wall) {
    auto& ready = built(kind);
    drop_other_epochs(ready, wall);
    if (ready.empty()) build_filling(kind, 1, wall);
    if (ready.empty()) return {};
    auto one = std::move(ready.front());
    ready.pop_front();
    return one;
}

base::Mono Cover::next_due() const {
    const auto drop_cover = drop_cover_due_.value_or(base::Mono::max());
    if (!ahead_.empty()) return std::min(ahead_.front().at, drop_cover);
    return runs() ? last_drawn_ : base::Mono::max();
}

bool Cover::returned(const base::SurbId& identifier, base::Mono arrived, bool intact) {
    const auto found = outstanding_.find(identifier);
    if (found == outstanding_.end()) {
        if (filling_.erase(identifier) == 0) return false;
        ++(intact ? counters_.loops_returned : counters_.loops_modified);
        return true;
    }
    const auto& [sent, way, late] = found->second;
    if (intact) {
        if (round_trips_.size() < round_trips_max) round_trips_.push_back(arrived - sent);
        watch_.returned(way, arrived - sent, late);
        ++counters_.loops_returned;
    } else {
        if (!late) watch_.late(way);
        watch_.lost(way);
        ++counters_.loops_modified;
    }
    outstanding_.erase(found);
    return true;
}

void Cover::stop() {
    stopped_ = true;
    ahead_.clear();
    fill_loops_.clear();
    fill_drops_.clear();
    drop_cover_due_.reset();
}

std::vector<base::Nanoseconds> Cover::take_round_trips() {
    return std::exchange(round_trips_, {});
}

bool Cover::runs() const {
    return !stopped_ && document_->parameters.relay_loops.milli > 0;
}

/// True of an exit in a network whose exits have levels.
bool Cover::fills() const {
    if (stopped_ || document_->parameters.exit_room == 0) return false;
    const auto* self = document_->find(self_);
    return self != nullptr && self->is_exit();
}

void Cover::draw_ahead(base::Mono now, base::Wall wall) {
    if (!runs()) return;
    // A Poisson process is memoryless, so after a stall we simply restart it at the oldest time
    // that is not too late.
    last_drawn_ = std::max(last_drawn_, now - lateness_max);
    const auto mean_gap = document_->parameters.relay_loops.mean_gap();
    std::array<std::optional<Drawn>, built_together> drawn;
    const auto first = ahead_.size();
    for (auto& loop : drawn) {
        last_drawn_ += random_.exponential(mean_gap);
        ahead_.push_back({last_drawn_, draw_identifier(), {}});
        // Do not build a loop for a time that a stall has already made too late.
        const auto ahead = last_drawn_ - now;
        if (-ahead <= lateness_max)
            loop = draw(ahead_.back().identifier,
                        wall + std::chrono::duration_cast<base::Milliseconds>(ahead));
    }
    seal(drawn);
    for (std::size_t i = 0; i < drawn.size(); ++i)
        if (drawn[i]) ahead_[first + i].built = std::move(drawn[i]->built);
}

base::SurbId Cover::draw_identifier() {
    auto identifier = random_.id<base::SurbId>();
    while (identifier.is_zero())
        identifier = random_.id<base::SurbId>();
    return identifier;
}

base::Epoch Cover::epoch_to_build_for(base::Wall wall) const {
    return directory::epoch_to_build_for(wall, document_->parameters.epoch_length);
}

std::optional<Cover::Drawn> Cover::draw(const base::SurbId& identifier, base::Wall wall) {
    const auto* self = document_->find(self_);
    if (!self) return {};
    const auto route = directory::relay_loop_route(*document_, *self, random_);
    if (!route) return {};
    auto drawn = draw_hops(*route, base::Destination{self_.bytes}, identifier, wall);
    if (!drawn) return {};
    for (const auto* relay : *route)
        if (relay != self) drawn->built.way.push_back(relay->identity);
    return drawn;
}

/// A loop's way as far as its gateway. A destination and an identifier of zeros name no client.
std::optional<Cover::Drawn> Cover::draw_drop_cover(base::Wall wall) {
    const auto* self = document_->find(self_);
    if (!self) return {};
    auto route = directory::relay_loop_route(*document_, *self, random_);
    if (!route) return {};
    const auto gateway = std::find_if(route->begin(), route->end(), [](const auto* relay) {
        return relay->role == directory::Role::gateway;
    });
    assert(gateway != route->end());
    route->erase(gateway + 1, route->end());
    return draw_hops(*route, {}, {}, wall);
}

std::optional<Cover::Drawn> Cover::draw_hops(std::span<const directory::Relay* const> route,
                                             const base::Destination& destination,
                                             const base::SurbId& identifier, base::Wall wall) {
    const auto epoch = epoch_to_build_for(wall);
    Drawn drawn{destination, identifier, {}, {{route.front()->identity, nullptr}, {}, epoch}};
    for (const auto* relay : route) {
        const auto* key = document_->mix_key(*relay, epoch);
        if (!key) return {};
        const auto delay = document_->parameters.draw_delay(random_);
        drawn.hops.push_back({relay->identity, *key, static_cast<std::uint64_t>(delay.count())});
    }
    drawn.built.loop.cell = cell::Cell::boxed_packet(epoch.low_byte());
    return drawn;
}

void Cover::seal(std::span<std::optional<Drawn>> all) {
    std::vector<LoopJob> jobs;
    for (const auto& drawn : all)
        if (drawn)
            jobs.push_back({drawn->hops, drawn->destination, drawn->identifier,
                            drawn->built.loop.cell->body()});
    sealer_->seal(jobs, random_);
    auto job = jobs.begin();
    for (auto& drawn : all)
        if (drawn && !(job++)->sealed) drawn.reset();
}

std::optional<Cover::Built> Cover::build(std::optional<Drawn> drawn) {
    seal({&drawn, 1});
    if (!drawn) return {};
    return std::move(drawn->built);
}

void Cover::lose(const base::SurbId& identifier) {
    const auto found = outstanding_.find(identifier);
    if (found == outstanding_.end()) return;
    if (!found->second.late) watch_.late(found->second.way);
    watch_.lost(found->second.way);
    outstanding_.erase(found);
    ++counters_.loops_lost;
}

void Cover::lose_filling() {
    if (filling_.erase(filling_by_age_.front().second) > 0) ++counters_.loops_lost;
    filling_by_age_.pop_front();
}

void Cover::expire(base::Mono now) {
    const auto late = now - watch_.late_after();
    while (!in_time_.empty() && in_time_.front().first < late) {
        if (const auto found = outstanding_.find(in_time_.front().second);
            found != outstanding_.end()) {
            found->second.late = true;
            watch_.late(found->second.way);
        }
        in_time_.pop_front();
    }
    const auto oldest = now - document_->parameters.longest_route_delay();
    while (!by_age_.empty() && by_age_.front().first < oldest) {
        lose(by_age_.front().second);
        by_age_.pop_front();
    }
    while (!filling_by_age_.empty() && filling_by_age_.front().first < oldest)
        lose_filling();
}

void Cover::list_holdings(base::Holdings& out) const {
    const auto& [self, document, random, counters, sealer, stopped, last_drawn, watch, ahead,
                 on_way, by_age, in_time, drop_due, fill_loops, fill_drops, ready_each, filling,
                 filling_by_age, trips] = *this;
    out.push_back({"Cover.ahead", "own loops", ahead.size() + fill_loops.size() + fill_drops.size(),
                   "loops and drop cover that this relay will send", false});
    out.push_back({"Cover.outstanding", "own loops",
                   std::max({on_way.size(), by_age.size(), in_time.size()}) +
                       std::max(filling.size(), filling_by_age.size()),
                   "when this relay sent a loop, and its way", false});
    watch.list_holdings(out);
}

}  // namespace nightjar::relay::core
