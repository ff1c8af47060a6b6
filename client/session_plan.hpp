// Which exit sessions there are and which pace each has (docs/traffic-law.md section 2). The paces
// in force always sum to R. Everything happens by the clock and by what exits answer; load has no
// say in it, but for the first stream of a new isolation key.
//
//   waiting -> opening -> trial -> main -> lingering -> closing -> (gone)
//
//   waiting    an isolation key's, until the next boundary and until there is room
//   opening    announced: gets slots, so that it stocks up; pace 0 until the change
//   trial      a small pace, to see whether the exit answers and has its SURBs. The first session
//              has nobody to share with and gets all of R at once
//   main       takes new streams, for session_lifetime
//   lingering  takes none; a fixed share for another session_lifetime, so that streams can end. The
//              shared one ends when a next one takes new streams, not before: what ends with it
//              and is opened again at once then has a whole lifetime before it
//   closing    announced: pace 0 at the change; gone when the last replies must have come
//
// One change at a time, announced change_notice ahead, and none before the last one has come into
// force at every exit (unless the link was away): an exit that hears of the next one first would
// follow that at once. Pure, one thread.
#pragma once

#include <optional>
#include <vector>

#include "client/session.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::client {

/// From connecting, or with nothing to lose; an exit is late by the mean delay of a route.
inline constexpr base::Seconds first_tick_after{3};
/// Above the law's 5 s, so that the announcement has reached every exit 5 s ahead.
inline constexpr base::Seconds change_notice{8};
/// An honest exit says after some 20 s of trial that its stock has arrived.
inline constexpr base::Seconds trial_max{120};
inline constexpr base::Seconds plan_step{2};            // decisions fall on this grid
inline constexpr base::Seconds isolation_boundary{10};  // and isolation keys wait for this one
inline constexpr std::size_t sessions_max = 8;
inline constexpr double main_weight = 2;  // shares of main and lingering sessions are 2 to 1
inline constexpr double lingering_weight = 1;
inline constexpr double trial_share = 0.1;  // of R
/// An exit ends a session that is silent for 10 s: at this rate chance does that once in 6 hours,
/// at twice the rate once in 8 years. It bounds the number of sessions in slow networks.
inline constexpr double slots_per_second_min = 1;

enum class Phase : std::uint8_t { waiting, opening, trial, main, lingering, closing, gone };

struct Health {
    bool confirmed = false;  // it has answered, and its stock has arrived
    bool dead = false;       // it does not answer although ticks are due
};

/// What the plan asks of its owner.
struct PlanHost {
    virtual ~PlanHost() = default;
    virtual Health health(SessionHandle session) = 0;
    /// A new session that all keys without one of their own share: at the start, for a hand-over,
    /// in place of one that died. Nothing if the network has no exit for us.
    virtual std::optional<SessionHandle> open_shared() = 0;
};

class SessionPlan {
 public:
    struct Entry {
        SessionHandle handle = 0;
        bool isolated = false;
        Phase phase = Phase::waiting;
        bool dead = false;
        base::Mono since{};  // when `phase` began
        PaceSchedule schedule;
    };

    explicit SessionPlan(const directory::Parameters& parameters) : parameters_{parameters} {}

    void use(const directory::Parameters& parameters) { parameters_ = parameters; }
    /// The clock of the plan starts; there are no sessions.
    void start(base::Mono now);
    /// Forgets all sessions; nothing happens until start().
    void clear();
    void step(base::Mono now, PlanHost& host);
    /// A session for one isolation key alone. Precondition: room_for_isolated().
    void add_isolated(SessionHandle handle, base::Mono now);
    bool room_for_isolated() const;

    /// The session that a slot at `due` belongs to: with probability pace / R, and from the
    /// announcement of a change on with the higher of its two paces. Nothing if there are none.
    std::optional<SessionHandle> pick(base::Mono due, double lot) const;
    /// The shared session that new streams go to: the one with the highest pace, and before any
    /// has one, the one on its way.
    std::optional<SessionHandle> current(base::Mono now) const;

    const std::vector<Entry>& entries() const { return entries_; }
    const Entry* find(SessionHandle handle) const;
    /// Removes the sessions that have ended.
    std::vector<SessionHandle> take_gone();

 private:
    void apply_change(base::Mono now);
    void retire(base::Mono now, PlanHost& host);
    void promote(base::Mono now, PlanHost& host);
    void open(base::Mono now, PlanHost& host);
    bool wants_shared(base::Mono now) const;
    void announce(base::Mono now);
    std::vector<std::uint32_t> shares() const;
    std::size_t sessions_limit() const;
    static void set(Entry& entry, Phase phase, base::Mono now);

    directory::Parameters parameters_;
    std::vector<Entry> entries_;
    base::Mono started_{};
    std::int64_t last_step_ = -1;  // grid points since the start
    std::optional<base::Mono> change_at_;
    base::Mono settled_{};  // when the last change is in force everywhere
};

/// `total` divided by weights; the parts sum to it exactly.
std::vector<std::uint32_t> divide(std::uint32_t total, const std::vector<double>& weights);

}  // namespace nightjar::client
