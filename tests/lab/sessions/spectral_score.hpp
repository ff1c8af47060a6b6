// Flow linking by likelihoods over long times: how well one end's times explain the other end's,
// frequency by frequency. Pure.
//
// The model: every event of the cause reaches the other end with probability `share`, after the
// delay of the route. What is left at the other end is Gaussian noise, independent between
// frequencies. Its power follows from displacement: slow changes of a count pass the mixes, quick
// ones become noise. So the score is the log-likelihood ratio of the model and uses all that is
// linear: jitter, phase and rate of the cause. It also says how well it ought to do (deflection):
// a score far below that is weak.
#pragma once

#include <complex>
#include <utility>
#include <vector>

#include "tests/lab/attacks/flow_score.hpp"
#include "tests/lab/sessions/flows.hpp"

namespace nightjar::lab::sessions {

/// Times are cut into segments of this length. Events near a segment's ends count less.
inline constexpr std::uint32_t segment_ms = 131'072;
inline constexpr double highest_hz = 48;

/// Amplitudes at the multiples of 1 / segment up to highest_hz, without the mean.
struct Spectrum {
    std::vector<std::complex<float>> at;
    double events = 0;  // sum of the squares of their weights
};

/// The spectra of two segments that begin at these times, in ms.
std::pair<Spectrum, Spectrum> spectra(const Moments& a, double begin_a, const Moments& b,
                                      double begin_b);

/// The model of one end's flow behind the mixes.
class FlowLikelihood {
 public:
    FlowLikelihood(const attacks::Route& route, double share);

    /// The segment of the other end begins so much later, in ms: most of its events are then those
    /// of the cause's segment.
    double shift_ms() const { return shift_ms_; }

    /// A cause, weighted for all comparisons.
    struct Cause {
        std::vector<std::complex<float>> weighted;
        double energy = 0;
    };
    Cause prepare(const Spectrum& cause) const;
    double ratio(const Cause& cause, const Spectrum& seen) const;
    /// The squared deflection that the model expects of this comparison if it is the right one.
    double deflection(const Cause& cause, const Spectrum& seen) const {
        return 2 * cause.energy / seen.events;
    }

 private:
    double shift_ms_;
    std::vector<std::complex<float>> passed_;  // share of the amplitude that arrives, by frequency
    std::vector<float> noise_;                 // power, by event seen
};

/// Two sessions at two exits: do they share one client's slots? Each slot goes to one of a client's
/// sessions, drawn by their shares alone. So where one session has more packets than usual the
/// other one has fewer.
class SharedSlots {
 public:
    /// The sessions' shares of the slots.
    SharedSlots(const attacks::Route& route, double share_a, double share_b);
    /// The log-likelihood ratio that they do, against two sessions of two clients.
    double ratio(const Spectrum& a, const Spectrum& b) const;

 private:
    struct At {
        float weight_cross = 0, weight_a = 0, weight_b = 0, offset = 0;
    };
    std::vector<At> at_;
};

}  // namespace nightjar::lab::sessions
