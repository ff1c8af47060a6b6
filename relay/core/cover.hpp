// A relay's own loops (docs/traffic-law.md section 4): forward packets that pass one relay of every
// other layer and return to this relay. They are sent at the network's loop rate, independent of
// load. On the way a loop looks like any other packet. Only this relay can recognise its end, by
// destination and identifier. Loops keep a quiet network mixing, and reveal relays that drop or
// delay packets.
//
// Send times form a Poisson process and are drawn ahead as absolute times. Each loop is built at
// least one gap before its send time, so that the build time does not shift it. A loop that does
// not return within the longest route delay counts as lost. A watch (loop_watch.hpp) judges how
// they return. If it finds that packets into this relay are withheld, the relay answers: for as
// long, it also makes drop cover. Those packets go to a gateway, which drops them. Before that they
// look like any other. Pure; one thread. `random` and `counters` must outlive this object.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/core/counters.hpp"
#include "relay/core/loop_watch.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/ids.hpp"
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

class Cover {
 public:
    static constexpr std::size_t outstanding_max = 1024;  // beyond this the oldest counts as lost
    static constexpr std::size_t built_ahead = 2;  // loops that are built before they are due
    static constexpr std::size_t round_trips_max = 4096;  // stored for take_round_trips()

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

    /// Appends the drop cover that is due: a Poisson process at `drop_cover_loops` times the rate
    /// of loops while the relay answers. Each packet goes through the mix like one that has
    /// arrived.
    void drop_cover(base::Mono now, base::Wall wall, std::vector<Loop>& out);

    /// A final packet that is addressed to this relay's own identity arrived at `arrived`.
    /// `intact`: its payload is the loop's. Returns false if it is not one of our loops, or if that
    /// loop has already returned or been counted as lost.
    bool returned(const base::SurbId& identifier, base::Mono arrived, bool intact);

    /// Sends no more loops. Loops that are already on their way are still counted.
    void stop();

    const LoopWatch& watch() const { return watch_; }
    std::size_t outstanding() const { return outstanding_.size(); }
    /// Round-trip times of the loops that returned since the last call.
    std::vector<base::Nanoseconds> take_round_trips();

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Built {
        Loop loop;
        LoopWay way;
    };
    struct Slot {
        base::Mono at;
        base::SurbId identifier;
        std::optional<Built> built;  // nullopt if it could not be built: nothing is sent then
    };
    struct OnItsWay {
        base::Mono sent;
        LoopWay way;
        bool late = false;
    };
    using ByAge = std::deque<std::pair<base::Mono, base::SurbId>>;

    bool runs() const;
    void draw_ahead(base::Mono now, base::Wall wall);
    base::SurbId draw_identifier();
    std::optional<Built> build(const base::SurbId& identifier, base::Wall wall);
    std::optional<Loop> build_drop_cover(base::Wall wall);
    std::optional<Loop> seal(std::span<const directory::Relay* const> route,
                             const base::Destination& destination, const base::SurbId& identifier,
                             base::Wall wall);
    void send(Built built, const base::SurbId& identifier, base::Mono now, std::vector<Loop>& out);
    void lose(const base::SurbId& identifier);
    void expire(base::Mono now);

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    base::Random& random_;
    Counters& counters_;
    std::shared_ptr<LoopSealer> sealer_;
    bool stopped_ = false;
    base::Mono last_drawn_;
    LoopWatch watch_;
    std::deque<Slot> ahead_;
    std::map<base::SurbId, OnItsWay> outstanding_;
    ByAge by_age_;   // oldest first, returned ones too
    ByAge in_time_;  // of these, those that were not yet looked at for lateness
    std::optional<base::Mono> drop_cover_due_;  // while the relay answers
    std::vector<base::Nanoseconds> round_trips_;
};

}  // namespace nightjar::relay::core
