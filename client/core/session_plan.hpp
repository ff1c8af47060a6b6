// Decides which exit sessions exist and the pace of each (docs/traffic-law.md section 2). The paces
// in force always sum to R. Decisions depend only on the clock and on the exits' answers. Load has
// no influence, except that the first stream of a new isolation key adds a session.
//
//   waiting -> opening -> trial -> main -> lingering -> closing -> (gone)
//
// A phase is set when its change of pace is announced; new streams move when the change is in
// force.
//
//   waiting    an isolation key's session, until the next isolation_boundary
//   opening    announced: gets slots, so that the exit's stock fills; pace 0 until the change
//   trial      a small pace, until a reply shows that the exit works and has its SURBs. The first
//              session has no other to share R with and gets all of it at once
//   main       takes new streams, for session_lifetime
//   lingering  takes no new streams; keeps a fixed share for another session_lifetime, so that its
//              streams can end. The shared one does not close before a next session takes new
//              streams: a stream that is reset and opened again at once then has a whole lifetime
//   closing    announced: pace 0 at the change; gone once its last replies must have arrived
//
// Only one change is pending at a time. It is announced change_notice ahead, and not before the
// last change is in force at every exit (unless the link was down). Otherwise an exit that hears of
// the next change early would apply the last one too soon. Pure, one thread.
#pragma once

#include <optional>
#include <vector>

#include "client/core/network_clock.hpp"
#include "client/core/session.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::client::core {

/// Notice of a change while no session has a pace, as after connecting. The exit ticks later than
/// this by the mean delay of a route.
inline constexpr base::Seconds first_tick_after{3};
/// Notice of any other change. A packet takes at most the longest route delay, so every exit hears
/// of the change at least 4.5 s ahead at the default delays.
inline constexpr base::Seconds change_notice{8};
/// An exit that has not confirmed its stock after this time counts as dead. An honest one confirms
/// it within seconds: 2 s at the default rates.
inline constexpr base::Seconds trial_max{120};
inline constexpr base::Seconds plan_step{2};  // grid of the decisions
inline constexpr base::Seconds isolation_boundary{
    10};  // grid at which isolation keys' sessions open
inline constexpr std::size_t sessions_max = 8;
/// Exits that may be drawn out of turn within one session lifetime, in place of dead ones. After
/// that, sessions in place of dead ones use the same exit until the next turn. Otherwise an
/// attacker who can silence exits would choose a client's exit, by silencing all but one.
inline constexpr std::size_t early_draws_max = 2;
inline constexpr double main_weight = 2;  // a main session's share is twice a lingering one's
inline constexpr double lingering_weight = 1;
inline constexpr double trial_share = 0.1;  // of R
/// Least rate of slots for a session; it bounds the number of sessions in slow networks. An exit
/// ends a session after 10 s of silence. At this rate that happens by chance once in 6 hours, at
/// twice the rate once in 8 years.
inline constexpr double slots_per_second_min = 1;

enum class Phase : std::uint8_t { waiting, opening, trial, main, lingering, closing, gone };

struct Health {
    bool confirmed = false;  // the exit has answered, and its stock has arrived
    bool dead = false;       // the exit does not answer although it should be ticking
    /// The link stood still during the exit's silence, so the exit may have ended the session
    /// itself. If it counts as dead, the session in its place uses the same exit.
    bool excused = false;
    bool unlisted = false;  // the document no longer lists the exit
    /// How long the exit has been ticking, in loop time (exit_silence.hpp).
    base::Nanoseconds ticking_for{};
};

/// What the plan needs from its owner.
struct PlanHost {
    virtual ~PlanHost() = default;
    virtual Health health(SessionHandle session) = 0;
    /// Creates a session for all isolation keys without one of their own: at the start, for a
    /// handover, or in place of a dead session. Empty if the network has no exit for us.
    virtual std::optional<SessionHandle> open_shared() = 0;
};

class SessionPlan {
 public:
    struct Entry {
        SessionHandle handle = 0;
        bool isolated = false;
        Phase phase = Phase::waiting;
        bool dead = false;
        bool excused = false;  // dead, but the session in its place uses the same exit
        base::Mono since{};    // when `phase` began
        PaceSchedule schedule;
    };

    explicit SessionPlan(const directory::Parameters& parameters) : parameters_{parameters} {}

    void use(const directory::Parameters& parameters) { parameters_ = parameters; }
    /// Starts the plan at the law time `now`, with no sessions. Changes come at whole seconds of
    /// the clock.
    void start(base::Mono now, const NetworkClock& clock);
    /// Forgets all sessions, but not the exits drawn out of turn. Call start() before the next
    /// step().
    void clear();
    /// Takes the decisions that are due at the law time `now`. Call it at least once per plan_step.
    void step(base::Mono now, PlanHost& host);
    /// Adds a session for one isolation key. Precondition: room_for_isolated().
    void add_isolated(SessionHandle handle, base::Mono now);
    bool room_for_isolated() const;
    /// How many sessions of isolation keys there may be. 0 where U is small.
    std::size_t isolated_max() const;

    /// Assigns the slot at `due` to a session, with probability in proportion to its pace. From the
    /// announcement of a change until the change, the higher of its two paces counts.
    /// `session_draw`: uniform in [0, 1). Empty if no session has a pace.
    std::optional<SessionHandle> pick(base::Mono due, double session_draw) const;
    /// The shared session for new streams: the one with the highest pace. Before any has a pace,
    /// the one that is announced.
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
    void announce(base::Mono now, base::Mono decided);
    std::vector<std::uint32_t> shares() const;
    std::size_t sessions_limit() const;
    bool take_early_draw(base::Mono now);
    static void set(Entry& entry, Phase phase, base::Mono now);

    directory::Parameters parameters_;
    std::vector<Entry> entries_;
    NetworkClock clock_;
    base::Mono started_{};         // a whole second of network time
    std::int64_t last_step_ = -1;  // in grid points since the start
    std::optional<base::Mono> change_at_;
    std::vector<base::Mono> early_draws_;  // those of the last session lifetime
    base::Mono settled_{};                 // when the last change is in force at every exit
};

/// Divides `total` in proportion to the weights. The parts sum to `total` exactly.
std::vector<std::uint32_t> divide(std::uint32_t total, const std::vector<double>& weights);

}  // namespace nightjar::client::core
