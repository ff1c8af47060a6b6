// Which network time a client goes by (docs/traffic-law.md section 1, Network time). A host whose
// clock is synchronised goes by that clock. Any other goes by what its gateway's padding says
// (sphinx/cell/padding_time.hpp): exits see to a tenth of a second how far a client's clock is off,
// and would know the client by that.
//
// A bad gateway can say what it likes. So what it says has no effect on a synchronised host, and
// sets the others' time by a minute at most. Once an exit has been told anything by that time, it
// moves no faster than a host's clock drifts.
//
// Cells may be held up on their way, and then the gateway's clock seems to be behind. So of
// all cells of a window only one counts: the one that shows the gateway's clock furthest ahead.
// A slow line may hold up all cells of a link's first seconds. So as long as no exit has been told
// anything, the time is found anew. Pure; one thread.
#pragma once

#include <optional>

#include "sphinx/base/time.hpp"

namespace nightjar::client::core {

/// A gateway's time, when it came, and what the host knew then.
struct TimeHeard {
    base::Wall gateway{};
    base::Mono at{};
    base::Wall host{};
    bool synchronised = false;  // the host's clock, by its own account
};

class ClockCorrection {
 public:
    /// Cells of this time decide the first correction: some 30, because no delivery waits yet.
    /// Those that come later in the same window raise it, as long as it is not settled.
    static constexpr base::Milliseconds first_window{500};
    static constexpr base::Seconds window{10};
    /// A later window moves the correction by at most the time since the last one, divided by this:
    /// 200 millionths. Crystals are off by 50, some by 100.
    static constexpr int drift_divisor = 5'000;
    /// A gateway that is further from the host is not followed.
    static constexpr base::Seconds most{60};
    /// The host's clock was set, or stood still, if it moved by this against the monotonic one.
    static constexpr base::Seconds set_by{1};

    void heard(const TimeHeard& time);
    /// What to add to the host's clock. `host`: what it reads now. Call it at least once a second:
    /// the correction changes here only.
    base::Milliseconds at(base::Mono now, base::Wall host);
    base::Milliseconds value() const { return correction_; }
    /// An exit has been told something by this time: from now on it moves by the drift only.
    void told() { settled_ = true; }

    /// By how much the gateway's clock is ahead of the host's. Empty: it has not said.
    std::optional<base::Milliseconds> gateway_ahead() const { return gateway_ahead_; }
    /// What the host last said of its own clock. Empty before anything was heard.
    std::optional<bool> synchronised() const { return synchronised_; }

 private:
    void look_for_set_clock(base::Mono now, base::Wall host);
    void follow(base::Milliseconds ahead, base::Mono now);

    std::optional<bool> synchronised_;
    bool found_ = false;    // the correction is right, as far as is known
    bool settled_ = false;  // once found it moves by the drift only
    base::Milliseconds correction_{};
    base::Mono right_at_{};  // when it was found or moved last
    std::optional<base::Mono> window_from_;
    base::Milliseconds ahead_{};  // the most in this window
    std::optional<base::Milliseconds> gateway_ahead_;
    std::optional<base::Milliseconds> wall_less_mono_;
};

}  // namespace nightjar::client::core
