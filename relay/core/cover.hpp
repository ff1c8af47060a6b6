// A relay's own loops (docs/traffic-law.md section 4): forward packets that pass one relay of every
// other layer and return to this relay. They are sent at the network's loop rate, independent of
// load. On the way a loop looks like any other packet. Only this relay can recognise its end, by
// destination and identifier. Loops keep a quiet network mixing, and reveal relays that drop or
// delay packets.
//
// Send times form a Poisson process and are drawn ahead as absolute times. Loops are built some in
// one call, because that costs less than one at a time, and between ticks: what leaves in a tick
// does not wait while a loop is built. Each has a time, a route and randomness of its own, so how
// many are built together changes nothing that leaves. A loop that does not return within the
// longest route delay counts as lost. A watch (loop_watch.hpp) judges how
// they return. If it finds that packets into this relay are withheld, the relay answers: for as
// long, it also makes drop cover. Those packets go to a gateway, which drops them. Before that they
// look like any other.
//
// An exit with levels (exit_level.hpp) also sends loops and drop cover that fill them. These are
// built between ticks too. The watch judges none of them: its limits are for the network's rate of
// loops, and there may be a hundred times as many.
//
// Pure; one thread. `random` and `counters` must outlive this object.
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

/// A loop to seal. The route and the packet's memory must outlive the call.
struct LoopJob {
    std::span<const packet::Hop> route;
    base::Destination destination;
    base::SurbId identifier;
    base::ByteSpan packet;  // packet::packet_size bytes, written by the call
    bool sealed = false;    // false after the call: a public key on the route is invalid
};

/// Seals loops for their routes. The default builds real Sphinx packets; a simulation without
/// cryptography passes its own implementation.
struct LoopSealer {
    virtual ~LoopSealer() = default;
    virtual void seal(std::span<LoopJob> jobs, base::Random& random);
};

class Cover {
 public:
    static constexpr std::size_t outstanding_max = 1024;  // beyond this the oldest counts as lost
    /// More are built when fewer than these are left. So no tick finds none, even if some leave
    /// together.
    static constexpr std::size_t built_ahead = 4;
    /// So many are built in one call. Four cost two thirds of what they cost one by one. Eight cost
    /// little less (docs/performance.md), and keep the thread for twice as long.
    static constexpr std::size_t built_together = 4;
    /// How many loops that fill a level are kept, for longest_route_delay; if there are more, the
    /// oldest counts as lost. Below some 4,000 a second none is given up too early.
    static constexpr std::size_t filling_max = 16'384;
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
    /// Appends the loops that are due to `out`. Builds a loop only if none was built ahead, or if
    /// the epoch that it was built for is not the one to build for by `wall`.
    void tick(base::Mono now, base::Wall wall, std::vector<Loop>& out);
    /// Fewer than `built_ahead` of one kind are built: call build_ahead() once what left is
    /// written.
    bool wants_to_build() const;
    /// Builds the next of one kind if it wants to. Takes up to a millisecond. Returns true if it
    /// has built what fills a level: then a further call may be worth it at once.
    bool build_ahead(base::Mono now, base::Wall wall);
    /// Of what fills an exit's level, so many of each kind may leave in one tick.
    void keep_ready(std::size_t each) { ready_each_ = std::max(each, built_ahead); }
    base::Mono next_due() const;  // Mono::max() after stop(), or if the rate is 0
    /// Appends one more loop: an exit's, to fill what it gets. Builds it only if none was built
    /// ahead for the present epoch.
    void send_one_more(base::Mono now, base::Wall wall, std::vector<Loop>& out);
    /// Appends one packet of drop cover for a random other exit, likewise: it fills what an exit
    /// sends, and does not come back. Nothing if there is no other exit. Precondition: this relay
    /// is a gateway.
    void send_one_drop(base::Wall wall, std::vector<Loop>& out);

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
    std::size_t filling() const { return filling_.size(); }
    /// Round-trip times of the loops that returned since the last call.
    std::vector<base::Nanoseconds> take_round_trips();

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Built {
        Loop loop;
        LoopWay way;
        base::Epoch epoch;
    };
    struct Slot {
        base::Mono at;
        base::SurbId identifier;
        std::optional<Built> built;  // nullopt: its keys were not known, or its time had passed
    };
    /// A loop whose route and delays are drawn.
    struct Drawn {
        base::Destination destination;
        base::SurbId identifier;
        std::vector<packet::Hop> hops;
        Built built;  // its packet is zeros until it is sealed
    };
    /// What fills a level and is built ahead; drop cover has no identifier.
    struct Filling {
        base::SurbId identifier;
        Built built;
    };
    using Fillings = std::deque<Filling>;
    enum class Fill { loops, drop_cover };
    struct OnItsWay {
        base::Mono sent;
        LoopWay way;
        bool late = false;
    };
    using ByAge = std::deque<std::pair<base::Mono, base::SurbId>>;

    bool runs() const;
    bool fills() const;
    base::Epoch epoch_to_build_for(base::Wall wall) const;
    void draw_ahead(base::Mono now, base::Wall wall);
    base::SurbId draw_identifier();
    std::optional<Drawn> draw(const base::SurbId& identifier, base::Wall wall);
    std::optional<Drawn> draw_drop_cover(base::Wall wall);
    std::optional<Drawn> draw_filling(Fill kind, base::Wall wall);
    void build_filling(Fill kind, std::size_t count, base::Wall wall);
    void drop_other_epochs(Fillings& ready, base::Wall wall) const;
    std::optional<Filling> take_filling(Fill kind, base::Wall wall);
    Fillings& built(Fill kind) { return kind == Fill::loops ? fill_loops_ : fill_drops_; }
    std::optional<Drawn> draw_hops(std::span<const directory::Relay* const> route,
                                   const base::Destination& destination,
                                   const base::SurbId& identifier, base::Wall wall);
    /// Seals all that are there. What cannot be sealed is nullopt afterwards.
    void seal(std::span<std::optional<Drawn>> all);
    std::optional<Built> build(std::optional<Drawn> drawn);
    void send(Built built, const base::SurbId& identifier, base::Mono now, std::vector<Loop>& out);
    void lose(const base::SurbId& identifier);
    void lose_filling();
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
    std::optional<base::Mono> drop_cover_due_;    // while the relay answers
    Fillings fill_loops_, fill_drops_;            // built ahead
    std::size_t ready_each_ = built_ahead;        // so many of each are wanted
    std::map<base::SurbId, base::Mono> filling_;  // loops on their way, and when they were sent
    ByAge filling_by_age_;                        // the same and returned ones, oldest first
    std::vector<base::Nanoseconds> round_trips_;
};

}  // namespace nightjar::relay::core
