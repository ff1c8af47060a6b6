// Detects from lost loops that somebody withholds packets: a sequential test with a given rate of
// false alarms. Relays and clients watch their own loops with it. Pure, one thread.
#pragma once

#include <cstdint>

namespace nightjar::base {

/// A cumulative sum test (Page 1954). Each loop adds the log-likelihood ratio of a network that
/// loses a share `withheld` of its loops against one that loses `ordinary`. A sum below zero is set
/// to zero. At limit() there is an alarm.
struct LossLaw {
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

class LossWatch {
 public:
    explicit LossWatch(const LossLaw& law) : law_{law} {}
    /// Takes the numbers of loops returned and missed since the last poll. True from the alarm on,
    /// until so many loops have returned that the sum is back at zero. The sum never exceeds the
    /// limit, so an alarm ends as soon after a long attack as after a short one.
    bool poll(std::uint64_t returned, std::uint64_t missed);
    bool alarmed() const { return alarmed_; }
    /// Clears the alarm and the sum.
    void restart();

 private:
    LossLaw law_;
    double sum_ = 0;
    bool alarmed_ = false;
};

}  // namespace nightjar::base
