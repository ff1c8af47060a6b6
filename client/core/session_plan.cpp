#include "client/core/session_plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

#include "sphinx/stream/beat.hpp"

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

/// A new link reads the clocks anew, so the same second may come out a millisecond earlier.
constexpr base::Milliseconds clock_slack{100};

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
    first_change_.reset();
}

void SessionPlan::start() {
    clear();
    first_change_ = base::Mono::min();  // not known before the first step
}

void SessionPlan::set(Entry& entry, Phase phase, base::Mono at) {
    entry.phase = phase;
    entry.since = at;
}

void SessionPlan::step(base::Mono now, const NetworkClock& clock, PlanHost& host) {
    const auto moved = clock.at(now) - clock_.at(now);
    clock_ = clock;
    if (first_change_ && *first_change_ != base::Mono::min()) follow_clock(now, moved);
    if (change_at_ && now >= *change_at_) apply_change(*change_at_);
    const auto reply_grace = parameters_.longest_route_delay();
    for (auto& entry : entries_)
        if (entry.phase == Phase::closing && entry.schedule.at(now).milli == 0 &&
            now >= entry.since + reply_grace)
            set(entry, Phase::gone, now);
    if (first_change_) return begin(now, host);

    // The next multiple of change_step that can still be announced.
    const auto next = (clock.at(now).time_since_epoch() + change_notice) / directory::change_step;
    const auto decided = clock.time_of(base::Wall{next * directory::change_step - change_notice});
    if (next == last_decision_ || change_at_ || now >= decided + decide_within) return;
    last_decision_ = next;
    decide(now, decided, host);
}

/// Network time is found some cells after the link is up, by clock_correction. Then the first
/// session begins at the moment that this time says, and not at the one planned before.
void SessionPlan::follow_clock(base::Mono now, base::Milliseconds moved) {
    constexpr base::Seconds planned_anew{1};
    if (moved >= planned_anew || moved <= -planned_anew)
        first_change_ = next_first_change(now);
    else
        *first_change_ -= moved;
}

/// A newcomer's first session begins by the same seconds as those of all others who come within one
/// session_grid. Until it opens no packet goes to it.
void SessionPlan::begin(base::Mono now, PlanHost& host) {
    if (*first_change_ == base::Mono::min()) {
        first_change_ = next_first_change(now);
        add_shared(Phase::waiting, now, host);
    }
    const auto opens = *first_change_ - first_tick_after;
    if (now < opens) return;
    const bool shared = std::any_of(entries_.begin(), entries_.end(),
                                    [](const Entry& entry) { return !entry.isolated; });
    if (now >= opens + base::Seconds{1} || (!shared && !add_shared(Phase::waiting, now, host))) {
        first_change_ = next_first_change(now);  // we stood still, or there is no exit
        return;
    }
    for (auto& entry : entries_)
        if (!entry.isolated) set(entry, Phase::opening, opens);
    announce(now, *first_change_);
    first_change_.reset();
}

base::Mono SessionPlan::next_first_change(base::Mono now) const {
    const auto next = [](base::Seconds second, base::Seconds step) {
        return (second + step - base::Seconds{1}) / step * step;
    };
    const auto earliest =
        std::chrono::ceil<base::Seconds>(clock_.at(now).time_since_epoch()) + first_tick_after;
    const auto first = next(earliest, parameters_.session_grid);
    const auto handover = next(first, parameters_.session_lifetime);
    return clock_.time_of(base::Wall{handover - first < first_before_handover ? handover : first});
}

void SessionPlan::decide(base::Mono now, base::Mono decided, PlanHost& host) {
    retire(decided, host);
    promote(decided, host);
    if (wants_shared(decided)) add_shared(Phase::opening, decided, host);
    for (auto& entry : entries_)
        if (entry.phase == Phase::waiting) set(entry, Phase::opening, decided);
    // Without a ticking session there is no rate to keep constant, so a short notice is enough.
    const bool answering = std::any_of(entries_.begin(), entries_.end(), [now](const Entry& entry) {
        return has_share(entry.phase) && entry.schedule.at(now).milli > 0;
    });
    announce(now, decided + (answering ? change_notice : first_tick_after));
}

/// The number of multiples of session_lifetime up to `time`.
std::int64_t SessionPlan::lifetimes(base::Mono time) const {
    return clock_.at(time).time_since_epoch() / parameters_.session_lifetime;
}

void SessionPlan::apply_change(base::Mono change) {
    change_at_.reset();
    for (auto& entry : entries_) {
        if (entry.phase == Phase::opening) set(entry, Phase::trial, change);
        if (entry.phase == Phase::closing) entry.since = change;
    }
}

void SessionPlan::retire(base::Mono decided, PlanHost& host) {
    for (auto& entry : entries_) {
        const bool ticking = entry.phase == Phase::trial || entry.phase == Phase::main ||
                             entry.phase == Phase::lingering;
        if (!ticking) continue;
        const bool old = decided + clock_slack >= entry.since + parameters_.session_lifetime;
        const auto health = host.health(entry.handle);
        // An exit that answers but never confirms its stock would otherwise keep its share for
        // ever.
        const bool stuck = entry.phase == Phase::trial && !health.confirmed &&
                           health.ticking_for >= trial_max + parameters_.longest_route_delay();
        if (health.unlisted || health.dead || stuck) {
            entry.dead = true;
            entry.excused = !health.unlisted && (health.excused || !take_early_draw(decided));
            set(entry, Phase::closing, decided);
        } else if (entry.isolated && old && entry.phase == Phase::lingering) {
            set(entry, Phase::closing, decided);
        } else if (entry.isolated && old && entry.phase == Phase::main) {
            set(entry, Phase::lingering, decided);
        }
    }
}

bool SessionPlan::take_early_draw(base::Mono decided) {
    std::erase_if(early_draws_, [&](base::Mono drawn) {
        return decided - drawn >= parameters_.session_lifetime;
    });
    if (early_draws_.size() >= early_draws_max) return false;
    early_draws_.push_back(decided);
    return true;
}

void SessionPlan::promote(base::Mono decided, PlanHost& host) {
    for (auto& entry : entries_) {
        if (entry.phase != Phase::trial || !host.health(entry.handle).confirmed) continue;
        // The only session has all of R, so its trial ends without a change.
        const bool alone = std::none_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
            return &other != &entry && has_share(other.phase);
        });
        if (!alone && decided < entry.since + trial_least) continue;
        if (!entry.isolated) {
            for (auto& other : entries_) {
                if (other.isolated) continue;
                // If the new session replaces a dead one, no handover has passed since a lingering
                // one began to linger, and it keeps the time that it has left.
                if (other.phase == Phase::lingering && lifetimes(decided) > lifetimes(other.since))
                    set(other, Phase::closing, decided);
                if (other.phase == Phase::main) set(other, Phase::lingering, decided);
            }
        }
        set(entry, Phase::main, decided);
    }
}

/// A handover opens change_notice before a multiple of session_lifetime, or later if it was missed.
bool SessionPlan::wants_shared(base::Mono decided) const {
    const Entry* main = nullptr;
    for (const auto& entry : entries_) {
        if (entry.isolated) continue;
        if (on_its_way(entry.phase)) return false;
        if (entry.phase == Phase::main) main = &entry;
    }
    return main == nullptr || lifetimes(decided + change_notice) > lifetimes(main->since);
}

bool SessionPlan::add_shared(Phase phase, base::Mono decided, PlanHost& host) {
    const auto handle = host.open_shared();
    if (!handle) return false;
    set(entries_.emplace_back(), phase, decided);
    entries_.back().handle = *handle;
    return true;
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

std::vector<SessionHandle> SessionPlan::lingering_isolated(base::Mono now) const {
    const auto lingers = [](const Entry& entry) {
        return entry.isolated && entry.phase == Phase::lingering;
    };
    // Each lingers for a lifetime.
    base::Mono latest = base::Mono::min();
    for (const auto& entry : entries_)
        if (lingers(entry)) latest = std::max(latest, entry.since);
    const auto least = std::min(latest, now - parameters_.session_lifetime * 3 / 4);
    std::vector<SessionHandle> found;
    for (const auto& entry : entries_)
        if (lingers(entry) && entry.since >= least) found.push_back(entry.handle);
    return found;
}

void SessionPlan::add_isolated(SessionHandle handle, base::Mono now) {
    set(entries_.emplace_back(), Phase::waiting, now);
    entries_.back().handle = handle;
    entries_.back().isolated = true;
}

/// The ranks of each session by its phase: all of a frame, each for one session. Those on trial
/// come first, then those that linger, so that clients in one state have the same. Empty if no
/// session has a share.
std::vector<SessionPlan::Ranks> SessionPlan::ranks() const {
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
    auto counts = divide(stream::Beat::frame, shares);
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (shares[i] > 0 && counts[i] == 0) {
            --*std::ranges::max_element(counts);
            ++counts[i];
        }
    std::vector<Ranks> ranks(entries_.size());
    std::uint32_t given = 0;
    for (const auto turn : {0, 1, 2})
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const auto phase = entries_[i].phase;
            if (turn != (on_its_way(phase) ? 0 : phase == Phase::lingering ? 1 : 2)) continue;
            ranks[i] = {given, given + counts[i]};
            given += counts[i];
        }
    return ranks;
}

/// Of the whole pace, in thousandths of replies per second. Those of all ranks add up to it.
directory::Rate SessionPlan::pace_of(const Ranks& ranks) const {
    const auto upto = [&](std::uint64_t rank) {
        return static_cast<std::uint32_t>(parameters_.replies.milli * rank / stream::Beat::frame);
    };
    return {upto(ranks.end) - upto(ranks.begin)};
}

void SessionPlan::announce(base::Mono now, base::Mono change_at) {
    const auto ranks = this->ranks();
    if (ranks.empty()) return;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        auto& schedule = entries_[i].schedule;
        const auto pace = schedule.at(now), next = pace_of(ranks[i]);
        const auto first = static_cast<std::uint8_t>(next.milli > 0 ? ranks[i].begin : 0);
        if (pace == next && schedule.rank_at(now) == first) continue;
        schedule = {.sequence = schedule.sequence + 1,
                    .now = pace,
                    .change_at = change_at,
                    .next = next,
                    .change_second = clock_.nearest_second(change_at),
                    .first_rank = schedule.rank_at(now),
                    .next_first_rank = first};
        change_at_ = change_at;
    }
}

std::vector<SlotWeight> SessionPlan::slot_weights(base::Mono due) const {
    std::vector<SlotWeight> weights;
    for (const auto& entry : entries_)
        if (const auto pace = entry.schedule.highest(due).milli; pace > 0)
            weights.push_back({entry.handle, static_cast<double>(pace)});
    return weights;
}

std::optional<SessionHandle> SessionPlan::current(base::Mono now) const {
    const Entry* best = nullptr;
    for (const auto& entry : entries_) {
        if (entry.isolated || (!has_share(entry.phase) && entry.phase != Phase::waiting)) continue;
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
