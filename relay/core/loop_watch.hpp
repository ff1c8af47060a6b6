// A relay's watch over its own loops, and its answer to the n-1 attack (docs/traffic-law.md section
// 4). An attacker that withholds, replaces or delays the packets into a relay also withholds,
// replaces or delays the relay's loops, which it cannot tell from the others. So the relay sees an
// attack on itself from its loops alone. Nothing here depends on any other packet.
//
// Three sequential tests (sphinx/base/loss_watch.hpp) run side by side, polled once a second: many
// loops are late; many are lost; some are lost for long, as in an attack that pauses. A loop that
// comes back with another payload counts as late and as lost. Each test has one false alarm in
// three years at the most, so together they have one in a year.
//
// A loop is late when it takes longer than 99 in 100 do. The law of mixing says how long loops are
// held. Links and processors add a time that the relay learns: the 5 % quantile of its loops' round
// trips over the last quarter to half of an hour, less that of the law. An attacker moves this
// quantile only if it delays 19 of 20 loops for as long.
//
// If some other relay is down, the loops that would pass it are lost. That is no attack on this
// relay. So each test is repeated for each other relay, without the loops that passed that one.
// Packets are *withheld* when one of the three tests raises an alarm whichever relay is left out.
//
// Pure; one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sphinx/base/holding.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/loss_watch.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::core {

inline constexpr double polls_between_alarms = 3 * 365.25 * 86'400;
/// Lost loops: 1 % of loss on each of a loop's 4 links is ordinary, with some room.
inline constexpr base::LossLaw lost_loops_law{
    .ordinary = 0.06, .withheld = 0.3, .polls_between_alarms = polls_between_alarms};
/// The same over a longer time: finds an attack that withholds everything for one second in eight.
inline constexpr base::LossLaw few_lost_loops_law{
    .ordinary = 0.06, .withheld = 0.12, .polls_between_alarms = polls_between_alarms};
/// Late loops. When all relays answer an attack, one loop in nine is late, so that is ordinary.
inline constexpr base::LossLaw late_loops_law{
    .ordinary = 0.15, .withheld = 0.5, .polls_between_alarms = polls_between_alarms};

/// The answer lasts for this long after the last alarm.
inline constexpr base::Seconds answer_lasts{120};
/// While a relay answers, it sends drop cover at so many times the rate of its loops.
inline constexpr unsigned drop_cover_loops = 10;
/// While a relay answers, it holds packets for so many times as long, but none above the cap.
inline constexpr int answer_stretch = 2;

/// How long a relay that answers holds a packet whose sender asked for `delay`.
base::Nanoseconds kept_longer(base::Nanoseconds delay, const directory::Parameters& parameters);
/// The mean time for which a loop is held on its way. By the laws that release packets together the
/// loop's own relay holds it too.
base::Nanoseconds mean_loop_time(const directory::Document& document);

/// The relays that a loop passes, without the one that sent it.
using LoopWay = std::vector<base::NodeId>;

class LoopWatch {
 public:
    /// Loops of this time after the start do not count: neighbours may start at the same time.
    static constexpr base::Seconds watch_after{60};
    /// Below this number of known round trips no loop is late.
    static constexpr std::uint64_t learn_least = 200;

    LoopWatch(const directory::Document& document, base::Mono now);
    void use(const directory::Document& document);

    /// A loop came back, `took` after it was sent. `late`: it has been reported as late.
    void returned(const LoopWay& way, base::Nanoseconds took, bool late);
    /// A loop is not back within late_after(), or came back modified.
    void late(const LoopWay& way);
    /// A loop is not back within the longest route delay, or came back modified.
    void lost(const LoopWay& way);
    /// Polls once a second. Call it at least as often.
    void step(base::Mono now);

    /// The longest route delay until the relay has learned enough.
    base::Nanoseconds late_after() const { return late_after_; }
    /// More loops are lost than ordinary loss explains, for whatever reason.
    bool missing() const { return all_.lost.alarmed(); }
    /// The loops say that packets into this relay are withheld.
    bool withheld() const { return withheld_; }
    bool answers() const { return answers_until_.has_value(); }

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Seen {
        std::uint64_t in_time = 0;
        std::uint64_t late = 0;
        std::uint64_t returned = 0;
        std::uint64_t lost = 0;
    };
    struct Tests {
        base::LossWatch late{late_loops_law};
        base::LossWatch lost{lost_loops_law};
        base::LossWatch few_lost{few_lost_loops_law};
        void poll(const Seen& seen);
    };
    struct ByRelay {
        Seen passed;    // since the last poll: the loops that passed this relay
        Tests without;  // of all other loops
    };
    /// Round-trip times in buckets. Two spans of a quarter of an hour: the last full one and the
    /// one that runs.
    struct Times {
        static constexpr std::size_t buckets = 512;
        std::array<std::uint32_t, buckets> last{};
        std::array<std::uint32_t, buckets> now{};
        std::uint64_t known = 0;  // in both
    };

    template <class Add>
    void count(const LoopWay& way, Add add);
    void hold_times(unsigned relays);
    void judge(base::Mono now);
    void learn(base::Mono now);
    base::Nanoseconds bucket_width() const;

    directory::Parameters parameters_;
    base::Nanoseconds held_quick_{};
    base::Nanoseconds held_long_{};
    Seen seen_;
    Tests all_;
    std::map<base::NodeId, ByRelay> relays_;
    Times times_;
    base::Mono spans_from_;
    base::Nanoseconds late_after_{};
    base::Mono watch_from_;
    base::Mono polled_;
    bool withheld_ = false;
    std::optional<base::Mono> answers_until_;
};

}  // namespace nightjar::relay::core
