// A check of a sender that has one slot in each gap: no cell is early, late or more than one.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

#include "sphinx/base/time.hpp"

namespace nightjar::chaos {

class Beat {
 public:
    /// A cell may be `off` by this from the first one's place in its gap.
    Beat(base::Nanoseconds gap, base::Nanoseconds off) : gap_{gap}, off_{off} {}

    /// The sender begins anew, with another phase. Until `late` it may send one cell that is late.
    void restart(base::Mono late = {}) {
        first_.reset();
        late_ = late;
        one_late_ = false;
    }
    /// A stall of the sender is over. It sends what is late by little at once.
    void stalled() { stalled_ = true; }
    /// Returns false if no cell may leave now.
    bool cell(base::Mono at) {
        if (!first_ && at <= late_) return !std::exchange(one_late_, true);
        if (!first_) {
            first_ = at;
            last_ = 0;
            return true;
        }
        const auto since = at - *first_;
        const auto place = static_cast<std::int64_t>(
            std::llround(static_cast<double>(since.count()) / static_cast<double>(gap_.count())));
        if (stalled_) return after_stall(at, place);
        const auto from = since - place * gap_;
        const bool right = place > last_ && from <= off_ && from >= -off_;
        if (place > last_ + 1) missing += static_cast<std::uint64_t>(place - last_ - 1);
        last_ = place;
        return right;
    }
    std::uint64_t missing = 0;

 private:
    /// Cells that leave in one burst are those of the last quarter of a second, the bound of
    /// relay/core/limits.hpp. The first cell behind them is on the beat again.
    bool after_stall(base::Mono at, std::int64_t place) {
        if (!burst_at_) burst_at_ = at;
        if (*burst_at_ == at) {
            ++burst_;
            last_ = place;
            return burst_ <= 1 + base::Milliseconds{250} / gap_;
        }
        stalled_ = false;
        burst_at_.reset();
        burst_ = 0;
        --last_;  // the burst may have ended within the gap of this cell
        return cell(at);
    }

    base::Nanoseconds gap_;
    base::Nanoseconds off_;
    std::optional<base::Mono> first_;
    std::int64_t last_ = 0;
    base::Mono late_{};
    bool one_late_ = false;
    bool stalled_ = false;
    std::optional<base::Mono> burst_at_;
    std::int64_t burst_ = 0;
};

}  // namespace nightjar::chaos
