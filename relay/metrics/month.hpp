// A month's traffic by the published windows (docs/operating.md, "A monthly cap"). It adds up what
// was published and sees no exact count, so it shows no more than the metrics do.
// Pure. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "relay/metrics/publish.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::relay::metrics {

/// A month of the calendar, by UTC.
std::chrono::year_month month_of(base::Wall at);

struct MonthUse {
    std::uint64_t packets = 0;  // that came in, in the windows that were counted
    base::Seconds counted{};    // how long these windows were together
    base::Seconds passed{};     // of the month
};

class MonthTraffic {
 public:
    static constexpr std::size_t text_max = 128;

    /// Adds a window to the month in which it ended; a new month begins at zero. No effect if the
    /// window does not end after the last one: it has been added already.
    void add(const Published& window);

    /// Of the month in which `now` is.
    MonthUse use(base::Wall now) const;

    /// The end of the last window; the Unix epoch: none was added.
    base::Wall until() const { return until_; }

    /// One line, to be kept in a file.
    std::string text() const;
    /// nullopt: not what text() returns.
    static std::optional<MonthTraffic> parse(std::string_view text);

 private:
    base::Wall until_{};  // the end of the last window
    std::uint64_t packets_ = 0;
    base::Seconds counted_{};
};

}  // namespace nightjar::relay::metrics
