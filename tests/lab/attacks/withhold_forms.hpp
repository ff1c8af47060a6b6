// Closed forms of what an attacker who withholds packets wins. Pure.
#pragma once

namespace nightjar::lab::attacks {

/// The probability that the next packet to leave a mix is the one that entered last. `others`
/// packets per second enter it and are held for 1/mu on average; `immediate` packets per second
/// leave without being held, as its own loops do. This is a race of exponentials that starts from
/// the pool of Poisson arrivals.
double first_out(double mu, double others, double immediate);
/// Loopix (2017), section 4.2.1: the probability to follow a packet through a mix when an attacker
/// withholds all but 1/s of the other packets: s * mu / (s * lambda_m + lambda_r), at most 1.
double loopix_success(double mu, double loops, double received, double withheld_share);

}  // namespace nightjar::lab::attacks
