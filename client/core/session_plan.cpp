#include "client/core/session_plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace nightjar::client::core {
namespace {

/// The session has a share of R, or is about to get one.
bool has_share(Phase phase) {
    switch (phase) {
        case Phase::opening:
        case Phase::trial:
        case Phase::main:
        case Phase::lingering:
            return true;
        case Phase::waiting:
        case Phase::closing:
        case Phase::gone:
            return false;
    }
    return false;
}

bool on_its_way(Phase phase) {
    return phase == Phase::opening || phase == Phase::trial;
}

/// Raises every share below `least` to it and lowers the others in proportion, so the sum stays. A
/// share of zero stays zero.
void raise_to(std::vector<double>& shares, double least) {
    for (std::size_t round = 0; round < shares.size(); ++round) {
        double raised = 0;
        double above = 0;
        for (const auto share : shares)
            (share > 0 && share <= least ? raised : above) +=
                share > 0 && share <= least ? least : share;
        if (above <= 0) return;
        for (auto& share : shares)
            if (share > 0) share = share <= least ? least : share * (1 - raised) / above;
    }
}

}  // namespace

std::vector<std::uint32_t> divide(std::uint32_t total, const std::vector<double>& weights) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    assert(sum > 0);
    std::vector<std::uint32_t> parts;
    double before = 0;
    std::uint32_t given = 0;
    for (const auto weight : weights) {
        // We round the running sum, not each part, so that the parts add up to the total.
        before += weight;
        const auto upto = static_cast<std::uint32_t>(std::lround(total * before / sum));
        parts.push_back(upto - given);
        given = upto;
    }
    return parts;
}

void SessionPlan::clear() {
    entries_.clear();
    change_at_.reset();
    settled_ = {};
}

void SessionPlan::start(base::Mono now, const NetworkClock& clock) {
    clear();
    clock_ = clock;
    started_ = clock.zero + std::chrono::ceil<base::Seconds>(now - clock.zero);
    last_step_ = -1;
}

void SessionPlan::set(Entry& entry, Phase phase, base::Mono now) {
    entry.phase = phase;
    entry.since = now;
}

void SessionPlan::step(base::Mono now, PlanHost& host) {
    if (change_at_ && now >= *change_at_) apply_change(*change_at_);
    const auto reply_grace = parameters_.longest_route_delay();
    for (auto& entry : entries_)
        if (entry.phase == Phase::closing && entry.schedule.at(now).milli == 0 &&
            now >= entry.since + reply_grace)
            set(entry, Phase::gone, now);

    const auto grid = (now - started_) / plan_step;
    if (grid <= last_step_ || change_at_ || started_ + grid * plan_step < settled_) return;
    const bool at_boundary = last_step_ < 0 || grid * plan_step / isolation_boundary !=
                                                   last_step_ * plan_step / isolation_boundary;
    last_step_ = grid;
    retire(now, host);
    promote(now, host);
    if (wants_shared(now)) open(now, host);
    if (at_boundary)
        for (auto& entry : entries_)
            if (entry.phase == Phase::waiting) set(entry, Phase::opening, now);
    announce(now, started_ + grid * plan_step);
}

void SessionPlan::apply_change(base::Mono now) {
    change_at_.reset();
    // An exit follows late by the mean delay of a route (relay/core/reply_pace.hpp), half of
    // delay_cap().
    settled_ = now + parameters_.delay_cap();
    for (auto& entry : entries_) {
        if (entry.phase == Phase::opening) set(entry, Phase::trial, now);
        if (entry.phase == Phase::closing) entry.since = now;
    }
}

void SessionPlan::retire(base::Mono now, PlanHost& host) {
    for (auto& entry : entries_) {
        const bool ticking = entry.phase == Phase::trial || entry.phase == Phase::main ||
                             entry.phase == Phase::lingering;
        if (!ticking) continue;
        const bool old = now >= entry.since + parameters_.session_lifetime;
        const auto health = host.health(entry.handle);
        // An exit that answers but never confirms its stock would otherwise keep its share for
        // ever.
        const bool stuck = entry.phase == Phase::trial && !health.confirmed &&
                           health.ticking_for >= trial_max + parameters_.longest_route_delay();
        if (health.unlisted || health.dead || stuck) {
            entry.dead = true;
            entry.excused = !health.unlisted && (health.excused || !take_early_draw(now));
            set(entry, Phase::closing, now);
        } else if (entry.isolated && old && entry.phase == Phase::lingering) {
            set(entry, Phase::closing, now);
        } else if (entry.isolated && old && entry.phase == Phase::main) {
            set(entry, Phase::lingering, now);
        }
    }
}

bool SessionPlan::take_early_draw(base::Mono now) {
    std::erase_if(early_draws_,
                  [&](base::Mono drawn) { return now - drawn >= parameters_.session_lifetime; });
    if (early_draws_.size() >= early_draws_max) return false;
    early_draws_.push_back(now);
    return true;
}

void SessionPlan::promote(base::Mono now, PlanHost& host) {
    for (auto& entry : entries_) {
        if (entry.phase != Phase::trial || !host.health(entry.handle).confirmed) continue;
        if (!entry.isolated) {
            for (auto& other : entries_) {
                if (other.isolated) continue;
                // If the new session replaces a dead one, a lingering one may still have time left.
                if (other.phase == Phase::lingering &&
                    now >= other.since + parameters_.session_lifetime)
                    set(other, Phase::closing, now);
                if (other.phase == Phase::main) set(other, Phase::lingering, now);
            }
        }
        set(entry, Phase::main, now);
    }
}

bool SessionPlan::wants_shared(base::Mono now) const {
    const Entry* main = nullptr;
    for (const auto& entry : entries_) {
        if (entry.isolated) continue;
        if (on_its_way(entry.phase)) return false;
        if (entry.phase == Phase::main) main = &entry;
    }
    return main == nullptr || now >= main->since + parameters_.session_lifetime;
}

void SessionPlan::open(base::Mono now, PlanHost& host) {
    const auto handle = host.open_shared();
    if (!handle) return;
    set(entries_.emplace_back(), Phase::opening, now);
    entries_.back().handle = *handle;
}

std::size_t SessionPlan::sessions_limit() const {
    // There must be room for the shared session, its predecessor and its successor.
    const auto slots = parameters_.main_slots.per_second() / slots_per_second_min;
    return std::clamp<std::size_t>(static_cast<std::size_t>(slots), 3, sessions_max);
}

std::size_t SessionPlan::isolated_max() const {
    return sessions_limit() - 3;
}

bool SessionPlan::room_for_isolated() const {
    const auto isolated = std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
        return entry.isolated && entry.phase != Phase::gone && entry.phase != Phase::closing;
    });
    return static_cast<std::size_t>(isolated) < isolated_max();
}

void SessionPlan::add_isolated(SessionHandle handle, base::Mono now) {
    set(entries_.emplace_back(), Phase::waiting, now);
    entries_.back().handle = handle;
    entries_.back().isolated = true;
}

/// The paces by phase, in thousandths of replies per second. Empty if no session has a share.
std::vector<std::uint32_t> SessionPlan::shares() const {
    double settled = 0;
    std::size_t trials = 0;
    for (const auto& entry : entries_) {
        if (entry.phase == Phase::main) settled += main_weight;
        if (entry.phase == Phase::lingering) settled += lingering_weight;
        if (on_its_way(entry.phase)) ++trials;
    }
    if (settled <= 0 && trials == 0) return {};
    const double trial =
        std::min(trial_share, 0.5 / static_cast<double>(std::max<std::size_t>(1, trials)));
    const double rest = settled > 0 ? 1 - trial * static_cast<double>(trials) : 0;
    std::vector<double> shares;
    std::size_t sharing = 0;
    for (const auto& entry : entries_) {
        double share = 0;
        if (entry.phase == Phase::main) share = rest * main_weight / settled;
        if (entry.phase == Phase::lingering) share = rest * lingering_weight / settled;
        if (on_its_way(entry.phase)) share = settled > 0 ? trial : 1 / static_cast<double>(trials);
        if (share > 0) ++sharing;
        shares.push_back(share);
    }
    raise_to(shares, std::min(slots_per_second_min / parameters_.main_slots.per_second(),
                              1 / static_cast<double>(sharing)));
    return divide(parameters_.replies.milli, shares);
}

void SessionPlan::announce(base::Mono now, base::Mono decided) {
    const auto paces = shares();
    if (paces.empty()) return;
    // Without a ticking session there is no rate to keep constant, so a short notice is enough.
    const bool answering = std::any_of(entries_.begin(), entries_.end(), [now](const Entry& entry) {
        return has_share(entry.phase) && entry.schedule.at(now).milli > 0;
    });
    const auto change_at = decided + (answering ? change_notice : first_tick_after);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        auto& schedule = entries_[i].schedule;
        const auto pace = schedule.at(now);
        if (pace.milli == paces[i]) continue;
        schedule = {.sequence = schedule.sequence + 1,
                    .now = pace,
                    .change_at = change_at,
                    .next = directory::Rate{paces[i]},
                    .change_second = clock_.nearest_second(change_at)};
        change_at_ = change_at;
    }
}

std::optional<SessionHandle> SessionPlan::pick(base::Mono due, double session_draw) const {
    double sum = 0;
    for (const auto& entry : entries_)
        sum += entry.schedule.highest(due).milli;
    double upto = 0;
    std::optional<SessionHandle> picked;
    for (const auto& entry : entries_) {
        const auto weight = entry.schedule.highest(due).milli;
        if (weight == 0) continue;
        picked = entry.handle;
        upto += weight;
        if (session_draw * sum < upto) break;
    }
    return picked;
}

std::optional<SessionHandle> SessionPlan::current(base::Mono now) const {
    const Entry* best = nullptr;
    for (const auto& entry : entries_) {
        if (entry.isolated || !has_share(entry.phase)) continue;
        const auto pace = [now](const Entry& of) {
            return std::pair{of.schedule.at(now), of.schedule.highest(now)};
        };
        if (best == nullptr || pace(*best) < pace(entry)) best = &entry;
    }
    return best == nullptr ? std::nullopt : std::optional{best->handle};
}

const SessionPlan::Entry* SessionPlan::find(SessionHandle handle) const {
    for (const auto& entry : entries_)
        if (entry.handle == handle) return &entry;
    return nullptr;
}

std::vector<SessionHandle> SessionPlan::take_gone() {
    std::vector<SessionHandle> gone;
    for (const auto& entry : entries_)
        if (entry.phase == Phase::gone) gone.push_back(entry.handle);
    std::erase_if(entries_, [](const Entry& entry) { return entry.phase == Phase::gone; });
    return gone;
}

}  // namespace nightjar::client::core
