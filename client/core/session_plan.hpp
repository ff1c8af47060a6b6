// Decides which exit sessions exist and the pace of each (docs/traffic-law.md section 2). The paces
// in force always sum to R. Decisions depend only on the clock and on the exits' answers. Load has
// no influence, except that the first stream of a new isolation key adds a session.
//
//   waiting -> opening -> trial -> main -> lingering -> closing -> (gone)
//
// A phase is set when its change of pace is announced. From the change on, new streams open in the
// new main session.
//
//   waiting    the first session and an isolation key's, until the second at which they may open
//   opening    announced: gets slots, so that the exit's stock fills; pace 0 until the change
//   trial      a small pace, until a reply shows that the exit works and has its SURBs. The first
//              session has no other to share R with and gets all of it at once
//   main       takes new streams, until the next handover
//   lingering  takes no new streams; keeps a fixed share until the handover after that, so that its
//              streams can end. The shared one does not close before a next session takes new
//              streams: a stream that is reset and opened again at once then has a whole lifetime
//   closing    announced: pace 0 at the change; gone once its last replies must have arrived
//
// All moments are seconds of network time, the same for all clients, so that a change of paces
// does not show when a client connected (docs/decisions/0023-network-time.md). A client's first
// session begins at a multiple of session_grid. All later changes are decided change_notice before
// a multiple of change_step and come at that multiple, those of handovers at multiples of
// session_lifetime. So only one change is pending at a time. Pure, one thread.
#pragma once

#include <optional>
#include <vector>

#include "client/core/network_clock.hpp"
#include "client/core/session.hpp"
#include "client/core/slot_shares.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::client::core {

/// Notice of the first tick while no session has a pace: of the first session, or where the only
/// one is dead.
inline constexpr base::Seconds first_tick_after{3};
/// Notice of any other change. A packet takes at most the longest route delay, so every exit hears
/// of the change at least 4.5 s ahead at the default delays.
inline constexpr base::Seconds change_notice{8};
/// A decision that cannot be taken within this time waits for the next one: the exits would hear of
/// its change too late.
inline constexpr base::Seconds decide_within{4};
/// No first session begins within this time before a handover: it begins with the handover instead.
/// So it has shown that its exit works when it is handed over.
inline constexpr base::Seconds first_before_handover{15};
/// A trial takes at least so long. Its end then depends on no single reply: an honest exit's have
/// come.
inline constexpr base::Seconds trial_least{10};
/// An exit that has not confirmed its stock after this time counts as dead. An honest one confirms
/// it within seconds: 2 s at the default rates.
inline constexpr base::Seconds trial_max{120};
inline constexpr std::size_t sessions_max = 8;
/// Exits that may be drawn out of turn within one session lifetime, in place of dead ones. After
/// that, sessions in place of dead ones use the same exit until the next turn. Otherwise an
/// attacker who can silence exits would choose a client's exit, by silencing all but one.
inline constexpr std::size_t early_draws_max = 2;
inline constexpr double main_weight = 2;  // a main session's share is twice a lingering one's
inline constexpr double lingering_weight = 1;
inline constexpr double trial_share = 0.1;  // of R
/// Least rate of slots for a session; it bounds the number of sessions in slow networks. An exit
/// takes a session for frozen after 10 s of silence. At this rate a session has a packet every 1.5
/// s or sooner (slot_shares.hpp).
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
        base::Mono since{};    // the second at which `phase` was decided or, with a change, began
        PaceSchedule schedule;
    };

    explicit SessionPlan(const directory::Parameters& parameters) : parameters_{parameters} {}

    void use(const directory::Parameters& parameters) { parameters_ = parameters; }
    /// Starts the plan, with no sessions. The next step() creates the first one.
    void start();
    /// Forgets all sessions, but not the exits drawn out of turn. Call start() before the next
    /// step().
    void clear();
    /// Takes the decisions that are due at the law time `now`. Call it at least once a second.
    void step(base::Mono now, const NetworkClock& clock, PlanHost& host);
    /// Adds a session for one isolation key. Precondition: room_for_isolated().
    void add_isolated(SessionHandle handle, base::Mono now);
    bool room_for_isolated() const;
    /// For keys that find no place while all isolated sessions linger: the lingering ones that last
    /// for at least a quarter of a lifetime more, or else the one that lasts longest.
    std::vector<SessionHandle> lingering_isolated(base::Mono now) const;
    /// How many sessions of isolation keys there may be. 0 where U is small.
    std::size_t isolated_max() const;

    /// The sessions among which the slot at `due` is shared: those that have a pace, by their pace.
    /// From the announcement of a change until the change, the higher of its two paces counts.
    std::vector<SlotWeight> slot_weights(base::Mono due) const;
    /// The shared session for new streams: the one with the highest pace. Before any has a pace,
    /// the one that will have it first.
    std::optional<SessionHandle> current(base::Mono now) const;

    /// When the first session gets its pace; empty before the first step, and once it is announced.
    std::optional<base::Mono> first_change() const {
        return first_change_ == base::Mono::min() ? std::nullopt : first_change_;
    }
    const std::vector<Entry>& entries() const { return entries_; }
    const Entry* find(SessionHandle handle) const;
    /// Removes the sessions that have ended.
    std::vector<SessionHandle> take_gone();

 private:
    void apply_change(base::Mono change);
    void follow_clock(base::Mono now, base::Milliseconds moved);
    void begin(base::Mono now, PlanHost& host);
    void decide(base::Mono now, base::Mono decided, PlanHost& host);
    void retire(base::Mono decided, PlanHost& host);
    void promote(base::Mono decided, PlanHost& host);
    bool wants_shared(base::Mono decided) const;
    bool add_shared(Phase phase, base::Mono decided, PlanHost& host);
    void announce(base::Mono now, base::Mono change_at);
    std::int64_t lifetimes(base::Mono time) const;
    base::Mono next_first_change(base::Mono now) const;
    /// Of a frame of the exits' beat: from `begin` on, up to `end`, which is no part.
    struct Ranks {
        std::uint32_t begin = 0, end = 0;
    };
    std::vector<Ranks> ranks() const;
    directory::Rate pace_of(const Ranks& ranks) const;
    std::size_t sessions_limit() const;
    bool take_early_draw(base::Mono decided);
    static void set(Entry& entry, Phase phase, base::Mono now);

    directory::Parameters parameters_;
    std::vector<Entry> entries_;
    NetworkClock clock_;
    std::optional<base::Mono> first_change_;  // of the first session, until it is announced
    std::int64_t last_decision_ = 0;          // the change_step at which its change came
    std::optional<base::Mono> change_at_;
    std::vector<base::Mono> early_draws_;  // those of the last session lifetime
};

/// Divides `total` in proportion to the weights. The parts sum to `total` exactly.
std::vector<std::uint32_t> divide(std::uint32_t total, const std::vector<double>& weights);

}  // namespace nightjar::client::core
