// The client's watch over its own loops: which should have come back and which did. From this it
// says in what state the link is, and it measures the time that counts against a silent exit
// (docs/traffic-law.md section 2).
//
// On the client's link, an attacker cannot tell loops from replies. If it holds or drops replies,
// it holds or drops as many loops. So time measured in returned loops stands while the link carries
// nothing, and runs slowly while it carries little.
//
// Pure, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>

#include "sphinx/base/loss_watch.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::client::core {

/// What the watch takes for ordinary: 1 % of loss on each of a loop's 6 links, with some room. At
/// most one false alarm in a year of polls, one poll a second.
inline constexpr base::LossLaw client_loop_law{
    .ordinary = 0.08, .withheld = 0.3, .polls_between_alarms = 365.25 * 86'400};

/// If no loop of this time has come back, an exit's silence is no proof that it is down: it may
/// have ended the client's sessions, whose packets stayed away.
inline constexpr base::Seconds stall_length{8};

/// Time in returned loops: every loop that returns adds the mean gap between two loops.
using LoopTime = base::Nanoseconds;

struct LoopState {
    enum class Kind : std::uint8_t {
        down,       // there is no link
        starting,   // no loop was due yet
        returning,  // loops return, but for ordinary loss
        missing,    // more loops are missing than ordinary loss explains
        silent,     // none has returned for ten gaps of the loops
    };
    Kind kind = Kind::down;
    double missing_share = 0;                // of the loops of the last minute
    std::optional<base::Mono> silent_since;  // if silent: when the last one returned
};

class LoopWatch {
 public:
    explicit LoopWatch(const directory::Parameters& parameters) { use(parameters); }
    void use(const directory::Parameters& parameters);
    /// The link came up, or went down.
    void connected(base::Mono now);
    void disconnected();

    /// Reports the loops of the law, each by the time of its slot. Other loops must not be
    /// reported: they would make the loop time run too fast. A loop that is unknown, or that has
    /// been counted as missed, is ignored.
    void planned(base::Mono slot);
    void not_sent(base::Mono slot);
    void returned(base::Mono slot, base::Mono now);
    void modified(base::Mono slot);  // it came back, but somebody has changed it
    /// Counts the loops that are overdue as missed. Call it at least once a second.
    void step(base::Mono now);

    /// Never decreases, and stands while the link is down.
    LoopTime time() const { return time_; }
    /// When loops began to return again after a stall: of all loops within stall_length or more,
    /// none came back. Empty if there was none.
    std::optional<base::Mono> last_stall() const { return last_stall_; }
    LoopState state(base::Mono now) const;

 private:
    struct Second {
        std::uint32_t returned = 0;
        std::uint32_t missed = 0;
    };

    base::Nanoseconds gap_{};       // mean gap between two loops
    base::Nanoseconds patience_{};  // a loop that is not back after this is missed
    std::optional<base::Mono> up_since_;
    std::set<base::Mono> under_way_;  // slots of the loops that are not back
    LoopTime time_{};
    std::optional<base::Mono> last_return_;
    base::Mono newest_returned_{};  // its slot; before the first one, when the link first came up
    std::optional<base::Mono> last_stall_;
    base::LossWatch losses_{client_loop_law};
    base::Mono polled_{};
    Second now_;                       // since the last poll
    std::array<Second, 60> minute_{};  // the last polls, a ring
    std::size_t next_ = 0;             // in minute_
};

}  // namespace nightjar::client::core
