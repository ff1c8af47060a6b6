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

/// Estimates how many SURBs an exit holds or will soon hold: the stock that its newest settled
/// reply reported, plus the SURBs on their way, less one for each tick since that reply. Only the
/// clock, losses and settled reports change it: neither load nor the time at which a reply comes.
/// Exits spend a SURB at every tick whether or not its reply comes back, so the stock is refilled
/// while all replies are lost.
class StockEstimate {
 public:
    /// Takes the stock that a settled reply reports. Precondition: numbers increase.
    void settled(stream::PacketNumber number, std::uint32_t stock);
    /// `in_flight`: SURBs in packets that are not acknowledged and not given up. `ticks`: the
    /// exit's ticks up to now, which its replies' numbers count.
    std::uint32_t estimate(std::uint32_t in_flight, std::uint32_t ticks) const;
    /// Call it before each packet. Ticks that must have found an empty stock spend nothing. `ticks`
    /// may fall when the exit's clock is put right.
    void pass(std::uint32_t in_flight, std::uint32_t ticks);
    std::uint32_t reported() const { return stock_; }
    stream::PacketNumber newest() const { return newest_; }  // 0: no reply is settled

 private:
    std::int64_t balance(std::uint32_t in_flight, std::uint32_t ticks) const;

    stream::PacketNumber newest_ = 0;
    std::uint32_t stock_ = 0;
    struct Empty {
        std::uint32_t by;  // ticks
        std::int64_t ticks;
    };
    std::deque<Empty> empty_;  // ticks without a SURB that no report includes yet
    std::int64_t empty_sum_ = 0;
};

/// The number of SURBs to put into the next packet: what is missing to the target, at most what
/// fits.
std::uint32_t top_up(std::uint32_t estimate, std::uint32_t target);

}  // namespace nightjar::client::core
