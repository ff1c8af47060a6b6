// What an observer of all links sees of the exits: how many cells each one sends to the first layer
// and gets from the last. It knows when each client connects, leaves and hands over, and looks for
// the exit whose totals change at that moment.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "tests/lab/attacks/crowd.hpp"
#include "tests/lab/attacks/header_reads.hpp"

namespace nightjar::lab::attacks {

/// Counts in bins of one tenth of a second, by exit.
using Bins = std::vector<std::vector<float>>;
inline constexpr double bin_seconds = 0.1;

/// Cells of each exit by whole milliseconds, which is a relay's tick. A kilobyte for an exit and
/// second; a millisecond counts 255 at most.
using Milliseconds = std::vector<std::vector<std::uint8_t>>;

struct ExitTotals {
    Bins sent, got;
    Bins middle;       // what each mix of layer 2 gets
    Bins pace;         // the truth: the sum of the paces of its sessions, replies per second
    double cover = 0;  // cells that the exits sent for cover, by a share of those they sent besides
};

/// What the same exits sent without their own loops and drop cover: replies, and what they pass on
/// as gateways.
struct WithoutCover {
    Bins sent;
    Milliseconds sent_by_millisecond;
    double cover = 0;  // cells of cover by reply
};

/// A moment at which one client's paces change, and the exit to find: where a session starts with a
/// whole pace or gets most of it, or where the replies end because the client has left. By a
/// handover a client mostly stays at its exit, and no total tells (`stays`). Else its exit changes
/// (`handover`), and by the next one its last session at the old exit ends (`after`).
struct ExitEvent {
    enum class What { connects, handover, after, stays, leaves } what;
    double at;
    unsigned exit;
    unsigned gateway;  // the client's own, which is never its exit
    unsigned middle;   // the mix of layer 2 that the session keeps
};

/// The events of one client's sessions, given in any order. `leaves`: when; after `until` it is
/// still there. Pure.
std::vector<ExitEvent> events_of(std::vector<SessionChanges> sessions, const Trace& client,
                                 double until, const directory::Parameters& law);

/// Sets options.seen and the callbacks of ChangeReader, and turns traces off. Must outlive the
/// Crowd that is made with `options`.
class TotalsWatcher {
 public:
    /// `tells_cover`: it also keeps what without_cover() returns, which takes as much memory again.
    explicit TotalsWatcher(CrowdOptions& options, bool tells_cover = false);

    /// After the run.
    ExitTotals totals(const Crowd& crowd) const;
    std::vector<ExitEvent> events(const Crowd& crowd) const;
    /// What each exit sent. Complete after the run.
    const Milliseconds& sent_by_millisecond() const { return sent_by_millisecond_; }
    /// Precondition: it was made with `tells_cover`, and the run is over.
    const WithoutCover& without_cover() const { return without_cover_; }

 private:
    void see(const lab::world::OnWire& cell);
    void see_client_link(const lab::world::OnWire& cell);
    /// The truth, from the clear header of a packet that an exit sends.
    bool is_cover(const cell::Cell& cell);

    CrowdOptions options_;  // a copy, for its sizes
    ChangeReader changes_;
    Bins sent_, got_, middle_;
    Milliseconds sent_by_millisecond_;
    bool tells_cover_;
    WithoutCover without_cover_;
    std::vector<bool> known_;  // clients whose mailboxes are known, by their numbers
    std::set<base::Destination> mailboxes_;
    std::uint64_t replies_ = 0, cover_ = 0;
};

/// The exit whose total changes most in the sense of the event, or the other way if `reversed`: an
/// exit gets a client's packets seconds before it replies, so loops that make room for the replies
/// leave a gap in what it gets. Compares `window` seconds before event.at with as many after
/// `after` (seconds after event.at). Only exits that the client could use count.
unsigned most_changed(const Bins& totals, const ExitEvent& event, double window, double after,
                      bool reversed);
/// The mix of layer 2 whose total changes most, likewise.
unsigned most_changed_middle(const Bins& totals, const ExitEvent& event, double window,
                             double after);

/// Cover that exits could send. `two_levels`: own loops fill what the exit gets, as it counts it,
/// and drop cover, which does not come back, fills what it sends.
struct ExitCover {
    enum class Law { none, poisson, level, two_levels } law = Law::none;
    double share = 0;       // poisson: loops by reply. level: part of the mean headroom
    double per_client = 0;  // level: headroom for coming and going, in roots of the client count
    double every = 60;      // level: seconds between two levels
};
/// The same totals as if exits sent such cover. A level is what an exit sends in all, until it
/// draws the next one: what its sessions do not send, loops do. Loops return after four delays.
ExitTotals with_cover(const ExitTotals& totals, const ExitCover& cover,
                      const directory::Parameters& law, base::Random& random);

}  // namespace nightjar::lab::attacks
