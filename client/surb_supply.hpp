// SURBs (docs/traffic-law.md section 2): the table of what will come back to us, and how many
// SURBs an exit holds. Both pure, one thread.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/packet/surb.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::client {

/// Names a session inside this process. Never reused; 0 is nobody's and stands for loops.
using SessionHandle = std::uint32_t;
inline constexpr SessionHandle loops_handle = 0;

/// A SURB or loop of ours that may come back.
struct Expected {
    packet::Recovery recovery;
    SessionHandle session = loops_handle;
    base::Mono made{};
    base::Wall ends{};                    // when no relay takes its keys any more
    std::array<base::NodeId, 5> route{};  // as far as `hops`; shown by a ping
    std::size_t hops = 0;
};

/// Everything that we may recognise, by identifier, each once. When full, the oldest of the session
/// that adds goes first: a peer that answers nothing costs only itself.
class Outstanding {
 public:
    explicit Outstanding(std::size_t per_session_max) : per_session_max_{per_session_max} {}

    void add(Expected expected);
    /// Removes what the identifier names. Nothing if it is unknown, or was taken before.
    std::optional<Expected> take(const base::Identifier& identifier);
    /// Forgets what a session made before `made`; how many of them had not come back.
    std::size_t forget_before(SessionHandle session, base::Mono made);
    void forget_session(SessionHandle session);
    /// Forgets what can no longer come back because its keys have ended.
    void forget_ended(base::Wall now);
    void clear();
    std::size_t size() const { return by_identifier_.size(); }

 private:
    struct Made {
        base::Mono made;
        base::Wall ends;
        base::Identifier identifier;
    };
    // Entries taken meanwhile stay in `order_` until their turn comes; `live` counts the others.
    // The first one is always live.
    struct Order {
        std::deque<Made> made;
        std::size_t live = 0;
    };
    void pop_front(Order& order);
    void drop_taken(Order& order);

    // All keys are drawn by ourselves, so that any word of one is a hash and nobody can make them
    // collide.
    struct Hash {
        using is_avalanching = void;  // as Boost calls it: every bit of it is chance
        std::size_t operator()(const base::Identifier& identifier) const;
    };

    std::size_t per_session_max_;
    boost::unordered_flat_map<base::Identifier, Expected, Hash> by_identifier_;
    std::map<SessionHandle, Order> order_;
    base::Wall next_end_ = base::Wall::max();  // no order's first ends before: asked in every slot
};

/// How many SURBs an exit holds or is about to hold: what it last reported, and what is on its way.
/// Only loss and ticks move it, never load.
class StockEstimate {
 public:
    /// A reply says what the exit held. Replies overtake one another: `number` is the reply's.
    void on_reply(stream::PacketNumber number, std::uint32_t stock, base::Mono now);
    /// The exit has spent `pace` a second since `from`, or more. Replies that stay away longer than
    /// chance allows were spent and lost, and count as spent: otherwise a client that heard of a
    /// full stock last, and then lost all of it, would wait for ever.
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

/// SURBs to put in the next packet: up to the target, but not more than fit.
std::uint32_t top_up(std::uint32_t estimate, std::uint32_t target);

/// How long replies may stay away at a pace before that is no chance any more.
base::Nanoseconds silence_allowed(double pace);

}  // namespace nightjar::client
