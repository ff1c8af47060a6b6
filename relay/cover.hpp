// A relay's own loops (docs/traffic-law.md section 4): forward packets through one relay of every
// other layer and back to itself, at the network's rate, whatever the load. On the way each looks
// like any packet; only the relay itself, by destination and identifier, knows that it ends here.
// A quiet network so still mixes, and who drops or holds back packets is noticed.
//
// Poisson by absolute times drawn ahead; each loop is built at least one gap before its time, so
// that building moves nothing. Loops that are not back within the longest route delay are lost.
// Pure, one thread; `random` and `counters` outlive it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/counters.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay {

/// How a loop is sealed along its route. The real one builds a packet; a simulation that needs no
/// cryptography brings its own.
struct LoopSealer {
    virtual ~LoopSealer() = default;
    /// Writes packet::packet_size bytes. False: a key on the route is no key.
    virtual bool seal(std::span<const packet::Hop> route, const base::Destination& destination,
                      const base::Identifier& identifier, base::Random& random,
                      base::ByteSpan packet);
};

class Cover {
 public:
    static constexpr std::size_t outstanding_max = 1024;  // the oldest counts as lost above it
    static constexpr std::size_t built_ahead = 2;         // loops ready before their time
    static constexpr base::Nanoseconds late_max = base::Milliseconds{250};  // later: not sent
    static constexpr std::size_t round_trips_max = 4096;  // kept for take_round_trips()

    /// `document` lists `self`, or no loop is ever sent.
    Cover(base::NodeId self, std::shared_ptr<const directory::Document> document,
          base::Random& random, Counters& counters, base::Mono now,
          std::shared_ptr<LoopSealer> sealer = std::make_shared<LoopSealer>());

    /// Loops that are built already keep their route and their time.
    void use(std::shared_ptr<const directory::Document> document);

    struct Loop {
        base::NodeId first_hop;
        cell::CellBox cell;
    };
    /// Appends the loops whose time has come, and builds what comes next.
    void tick(base::Mono now, base::Wall wall, std::vector<Loop>& out);
    base::Mono next_due() const;  // Mono::max() once stopped, or at a rate of 0

    /// A final packet with the relay's own identity came in at `arrived`. False: not a loop of
    /// ours, or one that was accounted for before.
    bool returned(const base::Identifier& identifier, base::Mono arrived);

    /// No loop leaves any more; those on their way are still accounted for.
    void stop();

    std::size_t outstanding() const { return outstanding_.size(); }
    /// Of the loops that returned since the last call.
    std::vector<base::Nanoseconds> take_round_trips();

 private:
    struct Slot {
        base::Mono at;
        base::Identifier identifier;
        std::optional<Loop> loop;  // nothing if it could not be built: the slot is lost
    };
    bool runs() const;
    void draw_ahead(base::Mono now, base::Wall wall);
    std::optional<Loop> build(const base::Identifier& identifier, base::Wall wall);
    void remember(const base::Identifier& identifier, base::Mono sent);
    void expire(base::Mono now);

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    base::Random& random_;
    Counters& counters_;
    std::shared_ptr<LoopSealer> sealer_;
    bool stopped_ = false;
    base::Mono last_drawn_;
    std::deque<Slot> ahead_;
    std::map<base::Identifier, base::Mono> outstanding_;          // when each was sent
    std::deque<std::pair<base::Mono, base::Identifier>> by_age_;  // and in that order, returned too
    std::vector<base::Nanoseconds> round_trips_;
};

}  // namespace nightjar::relay
