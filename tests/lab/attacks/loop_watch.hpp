// Detects from lost loops that an attacker withholds packets: a sequential test with a given rate
// of false alarms. Pure.
#pragma once

#include <cstdint>

namespace nightjar::lab::attacks {

/// A cumulative sum test (Page 1954). Each loop adds the log-likelihood ratio of a network that
/// loses a share `withheld` of its loops against one that loses `ordinary`. A sum below zero is set
/// to zero. At limit() there is an alarm.
struct WatchLaw {
    double ordinary = 0;  // largest share of loops that is lost without an attack
    double withheld = 0;  // smallest share of lost loops that must be detected soon
    /// The least mean number of polls between false alarms. Lorden's bound (1971): e^limit.
    double polls_between_alarms = 0;

    double for_missed() const;    // what a missed loop adds to the sum
    double for_returned() const;  // what a returned loop adds; negative
    double limit() const;
    /// The mean number of loops until the alarm if `missed_share` of them are missed, by Wald's
    /// approximation. Infinite if the sum falls on average.
    double loops_to_notice(double missed_share) const;
};

class LoopWatch {
 public:
    explicit LoopWatch(const WatchLaw& law) : law_{law} {}
    /// Takes the numbers of loops returned and missed since the last poll. True from the alarm on.
    bool poll(std::uint64_t returned, std::uint64_t missed);
    bool alarmed() const { return alarmed_; }
    /// Clears the alarm and the sum.
    void restart();

 private:
    WatchLaw law_;
    double sum_ = 0;
    bool alarmed_ = false;
};

/// The probability that the next packet to leave a mix is the one that entered last. `others`
/// packets per second enter it and are held for 1/mu on average; `immediate` packets per second
/// leave without being held, as its own loops do. This is a race of exponentials that starts from
/// the pool of Poisson arrivals.
double first_out(double mu, double others, double immediate);
/// Loopix (2017), section 4.2.1: the probability to follow a packet through a mix when an attacker
/// withholds all but 1/s of the other packets: s * mu / (s * lambda_m + lambda_r), at most 1.
double loopix_success(double mu, double loops, double received, double withheld_share);
/// The value that a sum of `stages` exponentials of mean 1 exceeds with probability `share`.
double erlang_tail(unsigned stages, double share);

}  // namespace nightjar::lab::attacks
