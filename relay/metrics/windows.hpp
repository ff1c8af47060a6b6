// When a window of a relay's metrics begins and ends, and what is published then (docs/metrics.md
// R2, R3). Windows end at multiples of their length, which fit the network's epochs; so their ends
// are public. The first window, which began before the process did, is not published. Pure; the
// caller brings times and counts, once the end of a window has come. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "relay/metrics/publish.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::metrics {

/// The length nearest to `wanted`, and not below it, whose multiples meet every start of an epoch:
/// a divisor of the epoch's length or a multiple of it. Preconditions: both are positive.
base::Seconds aligned_window(base::Seconds wanted, base::Seconds epoch_length);

/// How long the window after `last` should be: a multiple of the set length, so long that a total
/// at the same noised rate is 20 times the noise's scale, or 24 times the set length, or a day.
/// Only published values decide.
base::Seconds next_length(const Published& last, const Terms& terms);

class Windows {
 public:
    /// A look that comes later than this after a window's end finds counts that are not its own.
    static constexpr base::Seconds late_max{60};

    Windows(Terms terms, base::Wall now);

    /// When the current window ends.
    base::Wall end() const { return end_; }
    /// True if look() has something to do: the end has come, or the clock was set back.
    bool is_due(base::Wall now) const { return now >= end_ || (begin_ && now < *begin_); }

    /// Ends the window. Precondition: is_due(now).
    void look(base::Wall now, const Totals& totals, base::Random& random);

    /// nullopt: no whole window has ended yet, or the last one was cut by a jump of the clock.
    const std::optional<Published>& last() const { return last_; }
    const Terms& terms() const { return terms_; }
    std::uint64_t bugs() const { return seen_.bugs; }  // at the end of the last window
    /// The end of the last window with an overload of each kind; the Unix epoch: none.
    const std::array<base::Wall, overload_count>& overloads() const { return overloads_; }

 private:
    base::Wall next_end(base::Wall after) const;
    void note_overloads(const Totals& totals);

    Terms terms_;
    base::Wall end_;
    std::optional<base::Wall> begin_;  // nullopt: this window's beginning was not seen
    Totals seen_;                      // at begin_
    std::optional<Published> last_;
    std::array<base::Wall, overload_count> overloads_{};
};

}  // namespace nightjar::relay::metrics
