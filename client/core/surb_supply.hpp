// SURBs (docs/traffic-law.md section 2): the table of SURBs and loops that may come back to us, and
// the estimate of how many SURBs an exit holds. Both pure, one thread.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "client/core/slot_packet.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/packet/surb.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::client::core {

/// One of our SURBs or loops that may come back.
struct Expected {
    packet::SurbKeys recovery;
    SessionHandle session = loops_handle;
    base::Mono made{};
    base::Wall ends{};                    // from then on no relay accepts its keys
    std::array<base::NodeId, 5> route{};  // the first `hops` entries; `ping` shows it
    std::size_t hops = 0;
};

/// All outstanding SURBs and loops by identifier. Each can be taken once. The limit is per session:
/// a session at its limit loses its own oldest entry, so an exit that never answers costs no other
/// session anything.
class Outstanding {
 public:
    explicit Outstanding(std::size_t per_session_max) : per_session_max_{per_session_max} {}

    void add(Expected expected);
    /// Removes and returns the entry of `identifier`. Empty if it is unknown or was taken before.
    std::optional<Expected> take(const base::SurbId& identifier);
    /// Forgets what `session` made before `made`. Returns how many of these had not come back.
    std::size_t forget_before(SessionHandle session, base::Mono made);
    void forget_session(SessionHandle session);
    /// Forgets entries that can no longer come back because their keys have ended.
    void forget_ended(base::Wall now);
    void clear();
    std::size_t size() const { return by_identifier_.size(); }

 private:
    struct OrderEntry {
        base::Mono made;
        base::Wall ends;
        base::SurbId identifier;
    };
    // One session's entries in the order of creation. Entries that were taken stay in `made` until
    // they reach its front; `live` counts the rest. The front entry is never a taken one.
    struct Order {
        std::deque<OrderEntry> made;
        std::size_t live = 0;
    };
    void pop_front(Order& order);
    void drop_taken(Order& order);

    // We draw all identifiers at random, so any word of one is a good hash and an attacker cannot
    // cause collisions.
    struct Hash {
        using is_avalanching = void;  // Boost's name for: every bit of the hash is random
        std::size_t operator()(const base::SurbId& identifier) const;
    };

    std::size_t per_session_max_;
    boost::unordered_flat_map<base::SurbId, Expected, Hash> by_identifier_;
    std::map<SessionHandle, Order> order_;
    // Lower bound of `ends` over all front entries. It makes forget_ended() cheap in every slot.
    base::Wall next_end_ = base::Wall::max();
};

/// Estimates how many SURBs an exit holds or will soon hold: the stock it last reported, plus the
/// SURBs on their way. Only loss and ticks change it, never load.
class StockEstimate {
 public:
    /// Takes the stock that a reply reports. Replies can overtake each other: `number` is the
    /// reply's own and orders them.
    void on_reply(stream::PacketNumber number, std::uint32_t stock, base::Mono now);
    /// Sets the pace: the exit has spent at least `pace` SURBs per second since `from`. If replies
    /// stay away longer than silence_allowed(), their SURBs count as spent and lost. Otherwise a
    /// client that last heard of a full stock, and then lost every reply, would never refill it.
    void ticking(double pace, base::Mono from);
    /// `in_flight`: SURBs in packets neither acknowledged nor older than the longest route delay.
    std::uint32_t estimate(std::uint32_t in_flight, base::Mono now) const;
    std::uint32_t reported() const { return stock_; }
    bool heard() const { return newest_reply_ != 0; }
    base::Mono last_heard() const { return heard_; }

 private:
    stream::PacketNumber newest_reply_ = 0;
    std::uint32_t stock_ = 0;
    base::Mono heard_{};
    base::Mono ticking_from_{};
    double pace_ = 0;
};

/// The number of SURBs to put into the next packet: what is missing to the target, at most what
/// fits.
std::uint32_t top_up(std::uint32_t estimate, std::uint32_t target);

/// The longest silence that chance explains at `pace` replies per second.
base::Nanoseconds silence_allowed(double pace);

}  // namespace nightjar::client::core
