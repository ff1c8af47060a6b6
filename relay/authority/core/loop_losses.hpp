// Which relays lose packets, by loops that an authority sends through the network
// (docs/directory.md, "Loops"): each goes from a gateway through a mix of each layer and back to
// the gateway, and returns or does not. Pure: the owner sends them.
//
// A lost loop shows five relays, one of which lost it. So the shares of all relays are estimated
// together, as those by which the losses that were seen are likeliest. A relay is stated only if
// that is far likelier with a share above `loss_limit` than with any share below, and then without
// the neighbours with which it does worst: otherwise bad relays could lose what they exchange with
// a good one, and have it left out.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority::core {

/// A relay that loses less of what it gets is never stated.
inline constexpr double loss_limit = 0.2;
/// Twice the logarithm of how much likelier the losses must be. By chance a relay at the limit
/// exceeds it once in 200,000 times.
inline constexpr double loss_evidence = 19.5;
/// Of a relay's neighbours on each side this part, rounded up, is left out: those with the most
/// losses.
inline constexpr std::size_t neighbours_left_out = 3;
inline constexpr std::size_t sweeps_kept = 6;
/// In each of the last ones a relay must have lost more than the limit.
inline constexpr std::size_t sweeps_needed = 3;
inline constexpr std::size_t loops_a_sweep = 4000;

class LoopLosses {
 public:
    /// The relays that a loop passes in order, its gateway at both ends; at most 5.
    using Way = std::vector<base::NodeId>;
    struct Loss {
        double share = 0;       // of what the relay gets, an estimate
        std::size_t loops = 0;  // that should have passed it
        bool operator==(const Loss&) const = default;
    };

    /// Begins a sweep through the network. The oldest one is forgotten.
    void begin_sweep();
    /// Of the sweep that was begun last. Ignored if that has loops_a_sweep already, or before the
    /// first.
    void record(const Way& way, bool returned);
    /// All loops through this relay, in all sweeps: it begins anew.
    void forget(const base::NodeId& relay);

    /// The relays of the document that lose packets. If they are more than half of a position (a
    /// role and a layer), none of it is stated. Takes some milliseconds for each relay that may be.
    std::map<base::NodeId, Loss> stated(const directory::Document& document) const;

 private:
    static constexpr std::size_t way_max = 5;
    struct Loop {
        std::array<std::uint32_t, way_max> at{};  // places in relays_
        std::uint8_t hops = 0;
        bool returned = false;
    };
    struct Fit {
        std::vector<double> shares;
        double log_likelihood = 0;
    };

    void forget_unused_places();
    std::uint32_t place(const base::NodeId& relay);
    std::vector<const Loop*> all() const;
    Fit fit(const std::vector<const Loop*>& loops, const Fit* from,
            std::optional<std::uint32_t> bounded) const;
    std::vector<const Loop*> without_worst_neighbours(const std::vector<const Loop*>& loops,
                                                      std::uint32_t relay) const;
    bool lost_lately(std::uint32_t relay) const;
    std::vector<std::uint32_t> candidates(const Fit& whole) const;

    std::vector<base::NodeId> relays_;
    std::map<base::NodeId, std::uint32_t> places_;
    std::deque<std::vector<Loop>> sweeps_;  // the newest is the last
};

/// Which gateway an authority sends its loops through, in a random order, and how many: all
/// together loops_a_sweep at most, and at least one each.
struct LoopTurn {
    base::NodeId gateway;
    std::size_t loops = 0;
};
std::vector<LoopTurn> plan_sweep(const directory::Document& document, base::Random& random);

}  // namespace nightjar::relay::authority::core
