// Gateways that hold a client's packets for a moment, so that the client's exit sees the pause; and
// the client's own loops, which pass the same gateway and come back late. Both ends are scored: how
// many holds the exit needs to know the client, and how many the client needs to know the gateway.
//
// Half of the clients are held and the others are not. The attacker is at both ends, so it knows
// when each hold was. The client knows what a hold looks like and how long one lasts, and looks for
// it at every moment.
//
//   HeldUplinks holds{0.3, options};   // before the crowd is made: it takes `tamper` and `seen`
//   Crowd crowd{options}; crowd.run();
//   holds.exit_scores(crowd.traces())  holds.seen_by_loops()
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "tests/lab/attacks/crowd.hpp"

namespace nightjar::lab::sessions {

/// A client's line stalls by itself this often, for as long as a hold lasts.
inline constexpr double honest_stall_every = 600;  // seconds

class HeldUplinks {
 public:
    /// `lasts`: seconds of one hold. Precondition: `options` has no `tamper` and no `seen`. This
    /// object must outlive the crowd.
    HeldUplinks(double lasts, attacks::CrowdOptions& options);

    /// An exit's evidence for each hold that a session was asked about: the log-likelihood ratio of
    /// its counts around the hold. `held`: the held client's session. `other`: a session of a
    /// client that is not held, at the same moment.
    struct ExitScores {
        std::vector<double> held, other;
    };
    ExitScores exit_scores(const std::vector<attacks::Trace>& traces) const;

    /// The share of the holds that a client's loops show, at a limit that gives one false alarm in
    /// honest_stall_every. 0.1 means that a client learns of one hold in ten.
    double seen_by_loops() const;
    std::size_t holds() const;

 private:
    struct Loop {
        double sent = 0;
        double took = 0;
    };

    bool held(std::size_t client) const { return client % 2 == 0; }
    void meddle(lab::world::OnWire& cell) const;
    void see(const lab::world::OnWire& cell);
    double evidence(const std::vector<Loop>& loops, const std::vector<double>& usual,
                    double begin) const;
    std::vector<double> usual_times() const;

    double lasts_;
    double seconds_;
    std::size_t relays_;
    std::vector<std::vector<double>> begins_;  // by client; of those not held: their neighbour's
    std::map<base::SurbId, std::pair<std::size_t, double>> under_way_;  // client, when sent
    std::vector<std::vector<Loop>> loops_;  // by client, those that returned
};

/// The sums of so many scores in a row: what that many holds show together.
std::vector<double> summed(const std::vector<double>& scores, std::size_t holds);

/// After how many holds, one in `every` seconds, the client raises an alarm, with one false alarm
/// in a year: the best sequential test for that attack (base::LossLaw). `seen`: seen_by_loops().
double holds_to_notice(double every, double seen);

}  // namespace nightjar::lab::sessions
