// Telling from loops that somebody withholds packets: a sequential test with a stated rate of false
// alarms. Pure.
#pragma once

#include <cstdint>

namespace nightjar::privacy {

/// A cumulative sum (Page 1954) of log-likelihood ratios: of each loop, does it rather belong to a
/// network that loses `ordinary` of them, or to one that loses `withheld`? Sums below zero are
/// forgotten, and at the limit there is an alarm.
struct WatchLaw {
    double ordinary = 0;  // share of loops that are missed although nobody attacks, at most
    double withheld = 0;  // the smallest share that is to be noticed soon
    /// Polls between false alarms, at least, on average: Lorden's bound, e^limit (1971).
    double polls_between_alarms = 0;

    double for_missed() const;    // what a missed loop adds
    double for_returned() const;  // and a returned one: negative
    double limit() const;
    /// Loops that it takes on average where a share is missed: Wald's approximation. Infinite where
    /// the sum falls rather than grows.
    double loops_to_notice(double missed_share) const;
};

class LoopWatch {
 public:
    explicit LoopWatch(const WatchLaw& law) : law_{law} {}
    /// What has become of loops since the last poll. True from the alarm on.
    bool poll(std::uint64_t returned, std::uint64_t missed);
    bool alarmed() const { return alarmed_; }
    /// After an alarm: watches on, as new.
    void restart();

 private:
    WatchLaw law_;
    double sum_ = 0;
    bool alarmed_ = false;
};

/// The chance that the first packet to leave is the one that entered last, if `others` a second
/// enter a mix that holds each for 1/mu on average, and `immediate` a second leave it without being
/// held, as its own loops do: a race of exponentials, from the pool that Poisson arrivals make.
double first_out(double mu, double others, double immediate);
/// Loopix (2017), section 4.2.1: the chance to follow a packet through a mix of which an attacker
/// withholds all but 1/s, s * mu / (s * lambda_m + lambda_r), at most 1.
double loopix_success(double mu, double loops, double received, double withheld_share);
/// The value that a sum of `stages` exponentials of mean 1 exceeds with probability `share`.
double erlang_tail(unsigned stages, double share);

}  // namespace nightjar::privacy
