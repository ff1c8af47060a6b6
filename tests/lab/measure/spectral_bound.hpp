// What timing alone can give away about a regular beat behind mixes: an estimate of the best linear
// score, to stand beside the score of an attack. An attack far below it is weak; one far above it
// uses something else. Gaussian and linear, so no strict bound. Pure.
//
// One end knows the beat: one event in every gap, at a uniform place near the middle. The other end
// sees each event after the delay of a route, among other beats of the same kind.
#pragma once

namespace nightjar::lab::measure {

struct Beat {
    double rate = 0;        // events per second that reach the other end
    double gap = 0;         // seconds from one place to the next
    double jitter = 0;      // width of the places' distribution, as a share of the gap
    unsigned hops = 0;      // exponential delays on the way
    double mean_delay = 0;  // seconds, of each
    double others = 0;      // other events per second at the other end
};

/// The growth per second of the squared deflection: how far apart the score's means are for the
/// right beat and for another one, in its standard deviations, squared. `unordered`: the other end
/// sees times only. `numbered`: it knows which event of the beat each one is. Precondition of
/// `numbered`: hops > 2.
double unordered_deflection(const Beat& beat);
double numbered_deflection(const Beat& beat);

/// The chance that the right one of two beats has the larger score, after `seconds`.
double auc_of(double deflection, double seconds);

}  // namespace nightjar::lab::measure
