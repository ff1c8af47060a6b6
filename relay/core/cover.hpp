// A relay's own loops (docs/traffic-law.md section 4): forward packets that pass one relay of every
// other layer and return to this relay. They are sent at the network's loop rate, independent of
// load. On the way a loop looks like any other packet. Only this relay can recognise its end, by
// destination and identifier. Loops keep a quiet network mixing, and reveal relays that drop or
// delay packets.
//
// Send times form a Poisson process and are drawn ahead as absolute times. Each loop is built at
// least one gap before its send time, so that the build time does not shift it. A loop that does
// not return within the longest route delay counts as lost. Pure; one thread. `random` and
// `counters` must outlive this object.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/core/counters.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/loss_watch.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay::core {

/// Seals a loop for its route. The default builds a real Sphinx packet; a simulation without
/// cryptography passes its own implementation.
struct LoopSealer {
    virtual ~LoopSealer() = default;
    /// Writes packet::packet_size bytes. Returns false if a public key on the route is invalid.
    virtual bool seal(std::span<const packet::Hop> route, const base::Destination& destination,
                      const base::SurbId& identifier, base::Random& random, base::ByteSpan packet);
};

/// What a relay's watch over its loops takes for ordinary: 1 % of loss on each of a loop's 4 links,
/// with some room. At most one false alarm in a year of polls, one poll a second.
inline constexpr base::LossLaw relay_loop_law{
    .ordinary = 0.06, .withheld = 0.3, .polls_between_alarms = 365.25 * 86'400};

class Cover {
 public:
    static constexpr std::size_t outstanding_max = 1024;  // beyond this the oldest counts as lost
    static constexpr std::size_t built_ahead = 2;  // loops that are built before they are due
    static constexpr std::size_t round_trips_max = 4096;  // stored for take_round_trips()
    /// Loops of this time after the start do not count: neighbours may start at the same time.
    static constexpr base::Seconds watch_after{60};

    /// If `document` does not list `self`, no loop is sent.
    Cover(base::NodeId self, std::shared_ptr<const directory::Document> document,
          base::Random& random, Counters& counters, base::Mono now,
          std::shared_ptr<LoopSealer> sealer = std::make_shared<LoopSealer>());

    /// Sets a newer document. Loops that are already built keep their route and their send time.
    void use(std::shared_ptr<const directory::Document> document);

    struct Loop {
        base::NodeId first_hop;
        cell::CellBox cell;
    };
    /// Appends the loops that are due to `out`, and builds the next ones.
    void tick(base::Mono now, base::Wall wall, std::vector<Loop>& out);
    base::Mono next_due() const;  // Mono::max() after stop(), or if the rate is 0
    /// Appends one more loop, built now: an exit's, to fill its total (exit_level.hpp).
    void send_one_more(base::Mono now, base::Wall wall, std::vector<Loop>& out);

    /// A final packet that is addressed to this relay's own identity arrived at `arrived`. Returns
    /// false if it is not one of our loops, or if that loop has already returned or been counted as
    /// lost.
    bool returned(const base::SurbId& identifier, base::Mono arrived);

    /// Sends no more loops. Loops that are already on their way are still counted.
    void stop();

    /// More loops are missing than ordinary loss explains.
    bool loops_missing() const { return losses_.alarmed(); }
    std::size_t outstanding() const { return outstanding_.size(); }
    /// Round-trip times of the loops that returned since the last call.
    std::vector<base::Nanoseconds> take_round_trips();

 private:
    struct Slot {
        base::Mono at;
        base::SurbId identifier;
        std::optional<Loop> loop;  // nullopt if it could not be built: nothing is sent then
    };
    bool runs() const;
    void draw_ahead(base::Mono now, base::Wall wall);
    std::optional<Loop> build(const base::SurbId& identifier, base::Wall wall);
    void remember(const base::SurbId& identifier, base::Mono sent);
    void expire(base::Mono now);
    void watch(base::Mono now);

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    base::Random& random_;
    Counters& counters_;
    std::shared_ptr<LoopSealer> sealer_;
    bool stopped_ = false;
    base::Mono last_drawn_;
    base::LossWatch losses_{relay_loop_law};
    base::Mono watch_from_;
    base::Mono watched_;          // when the counters were last read
    std::uint64_t returned_ = 0;  // the counters then
    std::uint64_t lost_ = 0;
    std::deque<Slot> ahead_;
    std::map<base::SurbId, base::Mono> outstanding_;          // identifier -> send time
    std::deque<std::pair<base::Mono, base::SurbId>> by_age_;  // oldest first, returned ones too
    std::vector<base::Nanoseconds> round_trips_;
};

}  // namespace nightjar::relay::core
