// Operators with several relays: what the mixes that a session avoids say about its two ends.
//
// No route has two relays of one operator or of one family. So the mixes of the client's gateway's
// operator never appear in a session's routes, nor do those of the exit's operator. An exit sees
// the first hops of the session's SURBs: an operator whose mixes are absent there runs the gateway.
// The gateway sees where the client's packets go: mixes that only loops use belong to the exit's
// operator. Both attacks use route choice and session routes of the product.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "client/core/routes.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::lab::attacks {

/// What the adversary runs, and which neighbours it counts.
enum class Insider {
    exit,     // the first hops of one session's SURBs
    gateway,  // the next hops of one client's packets; it does not know which are loops
};

/// Which positions an operator's relays have: gateway, or mix of layer 1, 2 or 3.
enum class Positions {
    any,  // each operator runs one mix and one gateway
    one,  // each operator runs two relays in the same position
};

/// Which field of the document names the party that runs several relays.
enum class Owner { operator_name, family };
const std::string& owner_of(const directory::Relay& relay, Owner owner);

/// 12 mixes, four in each layer, and 12 gateways that are all exits, of 12 owners with two relays
/// each. With Owner::family each relay has an operator of its own.
directory::Document operators_network(Positions positions, Owner owner);

/// What the adversary concludes about one session.
struct Guess {
    double right = 0;   // probability that its most probable owner is the true one; ties at random
    double chance = 0;  // the same without any observation
    double known_loops = 0;       // gateway: share of the client's loops that it knows to be loops
    bool in_first_layer = false;  // the true owner also runs a mix of layer 1
};

/// Draws sessions by the product's code and lets the adversary name the owner of the relay at the
/// other end. The adversary knows the document. It learns what to expect from routes that it draws
/// itself, so the attack assumes nothing about the rules of route choice.
class OperatorAttack {
 public:
    /// `practice`: routes that the adversary draws for each pair of gateway and exit. `document`
    /// and `random` must outlive this.
    OperatorAttack(const directory::Document& document, Insider insider, Owner owner,
                   unsigned practice, base::Random& random);

    /// Observes a new session. Returns a guess for each of `seconds`, which must ascend.
    std::vector<Guess> session(std::span<const double> seconds);

 private:
    using Shares = std::vector<double>;  // by the relay's index in the document
    /// A client's gateway and the exit of its session.
    struct Pair {
        const directory::Relay* gateway;
        const directory::Relay* exit;
        Shares packets;  // the session's packets (or SURBs) that go to each relay
        Shares loops;    // the same for the client's loops
    };
    struct Seen {
        Shares all;
        Shares loops;  // a part of `all`; the adversary does not know which
    };

    const directory::Relay& near_end(const Pair& pair) const;
    const directory::Relay& far_end(const Pair& pair) const;
    std::vector<const Pair*> possible(const directory::Relay& near) const;
    void practise(Pair& pair, unsigned routes);
    std::size_t next_hop(const Pair& pair, client::core::SessionRoutes& session);
    std::size_t next_hop_of_loop(const Pair& pair);
    double loop_share() const;
    Guess guess(const Pair& truth, const Seen& seen) const;

    const directory::Document& document_;
    Insider insider_;
    Owner owner_;
    base::Random& random_;
    std::vector<Pair> pairs_;
};

}  // namespace nightjar::lab::attacks
