// A plan whose exits a test plays.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "client/core/session_plan.hpp"

namespace nightjar::plan_test {

using namespace nightjar::client::core;
using namespace std::chrono_literals;

inline constexpr base::Mono begin{std::chrono::hours{1}};
// Network time begins at a multiple of every lifetime here.
inline constexpr NetworkClock network{begin, base::Wall{1'800'000'000s}};

/// A client's first session begins 3 s after it connects.
inline directory::Parameters lifetime(base::Seconds lifetime) {
    directory::Parameters parameters;
    parameters.session_lifetime = lifetime;
    parameters.session_grid = 1s;
    return parameters;
}

/// A plan with exits that answer a second after their first tick, unless a test changes that.
struct Plan final : PlanHost {
    explicit Plan(directory::Parameters with = lifetime(3600s)) : parameters{with}, plan{with} {
        plan.start();
        step();
    }
    Health health(SessionHandle session) override {
        const auto* entry = plan.find(session);
        const bool ticking = entry->schedule.at(now).milli > 0;
        if (!ticking) return {};
        const auto since = now - entry->schedule.change_at;
        const bool silent = silent_from.contains(session);
        return {
            .confirmed = !silent && since >= answers_after && !never_stocked.contains(session),
            .dead = silent && now - std::max(silent_from[session], entry->schedule.change_at) > 8s,
            .excused = excused.contains(session),
            .unlisted = unlisted.contains(session),
            .ticking_for = since - frozen};
    }
    std::optional<SessionHandle> open_shared() override {
        if (!exits) return std::nullopt;
        if (next_is_silent) silent_from[last + 1] = begin;
        if (next_never_stocks) never_stocked.insert(last + 1);
        return ++last;
    }
    void step() {
        plan.step(now, network, *this);
        for (const auto& entry : plan.entries())
            if (entry.dead) died.insert_or_assign(entry.handle, entry.excused);
        for (const auto gone : plan.take_gone())
            ended.push_back(gone);
        check();
    }
    void run(base::Nanoseconds duration) {
        for (const auto end = now + duration; now < end;) {
            now += 100ms;
            step();
        }
    }
    std::uint32_t sum() const {
        std::uint32_t sum = 0;
        for (const auto& entry : plan.entries())
            sum += entry.schedule.at(now).milli;
        return sum;
    }
    /// What must hold at any time.
    void check() {
        const bool started = now >= begun + first_tick_after;
        CHECK(sum() == (started ? parameters.replies.milli : 0));
        for (const auto& entry : plan.entries()) {
            auto& known = announced[entry.handle];
            if (known.sequence == entry.schedule.sequence) continue;
            CHECK(entry.schedule.sequence == known.sequence + 1);
            CHECK(entry.schedule.now == known.at(now));
            const auto notice = entry.schedule.change_at - now;
            CHECK(notice >= (started && !recovering ? 7900ms : 2900ms));
            known = entry.schedule;
        }
    }
    /// One that the plan has taken out reads as gone, so that a check of its phase fails by itself.
    SessionPlan::Entry entry(SessionHandle handle) const {
        const auto* found = plan.find(handle);
        auto entry = found != nullptr ? *found : SessionPlan::Entry{};
        if (found == nullptr) entry.phase = Phase::gone;
        return entry;
    }
    std::set<SessionHandle> shares_slots(base::Mono at) const {
        std::set<SessionHandle> sharing;
        for (const auto& one : plan.slot_weights(at))
            sharing.insert(one.session);
        return sharing;
    }
    double pace(SessionHandle handle) const { return entry(handle).schedule.at(now).per_second(); }

    directory::Parameters parameters;
    base::Mono now = begin;
    base::Mono begun = begin;
    SessionPlan plan;
    SessionHandle last = 0;
    base::Nanoseconds answers_after = 1s;
    bool next_never_stocks = false;
    std::set<SessionHandle> never_stocked;
    bool exits = true;
    bool next_is_silent = false;
    bool recovering = false;
    std::set<SessionHandle> excused;
    std::set<SessionHandle> unlisted;
    base::Nanoseconds frozen{};  // time for which no loop returned
    std::map<SessionHandle, base::Mono> silent_from;
    std::map<SessionHandle, PaceSchedule> announced;
    std::vector<SessionHandle> ended;
    std::map<SessionHandle, bool> died;  // and whether each was excused
    std::size_t early_draws() const {
        return static_cast<std::size_t>(std::count_if(
            died.begin(), died.end(), [](const auto& entry) { return !entry.second; }));
    }
};

}  // namespace nightjar::plan_test
