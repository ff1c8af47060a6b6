// What keeps a log in bounds although peers may cause its lines. A line at the moment of an event
// tells when a packet came, and lines without number fill a disk (docs/metrics.md R10). The numbers
// are this project's own. Pure; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sphinx/base/time.hpp"

namespace nightjar::base {

/// How often each place of the source may write: a stranger who can cause a line must neither fill
/// a disk with it nor hide the lines of other places. What is left out is counted.
class LogLimit {
 public:
    /// So many lines of one place in a row, then one each `interval`.
    static constexpr int burst = 30;
    static constexpr Seconds interval{60};

    /// A file and a line of the source. The name must live as long as the process.
    using Place = std::pair<std::string_view, std::uint32_t>;
    /// Lines of one place that were left out.
    struct LeftOut {
        std::uint64_t count = 0;
        std::string last;  // the text of the last one
    };

    /// True if a line of this place may be written now. Else it is counted.
    bool take(Place place, std::string_view text, Mono now);
    /// What was left out at places that may write again; it counts as a line of the place. Each is
    /// returned once.
    std::vector<LeftOut> due(Mono now);
    /// What was left out anywhere, at the end of the process.
    std::vector<LeftOut> rest();

 private:
    struct Bucket {
        int lines = burst;  // that the place may still write
        Mono refilled{};
        LeftOut left_out;
    };
    static void refill(Bucket& bucket, Mono now);

    std::map<Place, Bucket> buckets_;  // one for each call in the source that was reached
};

/// Tasks that a bug ended. A peer may have caused the bug, so they are counted, and one line at the
/// end of a window names them. The errors' texts are not kept: they may name a peer.
class BugCount {
 public:
    /// More tasks than this are counted under one name.
    static constexpr std::size_t tasks_max = 16;

    /// Windows end at multiples of `window` after the Unix epoch. Precondition: it is positive.
    BugCount(Seconds window, Wall now) : window_{window}, place_{place(now)} {}

    void add(const std::string& task);
    /// Call every few seconds: the line about a window that is over, if there were bugs. A clock
    /// that was set back ends a window too.
    std::optional<std::string> due(Wall now);
    /// The line about what is left, at the end of the process.
    std::optional<std::string> rest();

 private:
    std::int64_t place(Wall at) const { return at.time_since_epoch() / window_; }

    Seconds window_;
    std::int64_t place_;  // the number of the window that runs
    std::map<std::string, std::uint64_t> tasks_;
};

}  // namespace nightjar::base
