// Which relays lose packets, by loops that an authority sends through the network
// (docs/directory.md, "Loops"): each goes from a gateway through a mix of each layer and back to
// the gateway, and returns or does not. Pure: the owner sends them.
//
// One of the five relays of a lost loop lost it. So the shares of all relays are estimated
// together, by maximum likelihood. A relay is stated only if the losses are far likelier with a
// share above `loss_limit` than with any share below. For that test the neighbours with which it
// does worst are left out: otherwise bad relays could lose what they exchange with a good one, and
// it would be left out of documents.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority::core {

/// A relay that loses a smaller share of its packets is never stated.
inline constexpr double loss_limit = 0.2;
/// Twice the logarithm of how much likelier the losses must be. By chance a relay at the limit
/// exceeds it once in 200,000 times.
inline constexpr double loss_evidence = 19.5;
/// One in so many of a relay's neighbours on each side is left out (rounded up): those with the
/// most losses.
inline constexpr std::size_t neighbours_left_out = 3;
inline constexpr std::size_t sweeps_kept = 6;
/// In each of so many last sweeps a relay must have lost more than the limit.
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
    /// A loop of the sweep that was begun last. No effect before the first sweep, or if the sweep
    /// has loops_a_sweep already.
    void record(const Way& way, bool returned);
    /// Forgets all loops through this relay: it begins anew.
    void forget(const base::NodeId& relay);

    /// The relays of the document that lose packets. If they are more than half of a position (a
    /// role and a layer), none of that position is stated. Takes seconds where many relays lose
    /// packets: 6 s of a core where 44 of 110 relays lose everything (virtual EPYC, 2026-11-30).
    /// Once `stop` asks for it, it ends after its next step and states none.
    std::map<base::NodeId, Loss> stated(const directory::Document& document,
                                        const std::stop_token& stop = {}) const;

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
            std::optional<std::uint32_t> bounded, const std::stop_token& stop) const;
    std::vector<const Loop*> without_worst_neighbours(const std::vector<const Loop*>& loops,
                                                      std::uint32_t relay) const;
    bool lost_lately(std::uint32_t relay) const;
    std::vector<std::uint32_t> candidates(const Fit& whole) const;

    std::vector<base::NodeId> relays_;
    std::map<base::NodeId, std::uint32_t> places_;
    std::deque<std::vector<Loop>> sweeps_;  // the newest is the last
};

/// How many loops an authority sends through one gateway. A sweep has the gateways in random order,
/// each with one loop or more, and loops_a_sweep in all at most.
struct LoopTurn {
    base::NodeId gateway;
    std::size_t loops = 0;
};
std::vector<LoopTurn> plan_sweep(const directory::Document& document, base::Random& random);

}  // namespace nightjar::relay::authority::core
