// What a relay's parts cost alone, in one thread: processor time in microseconds, medians.
#pragma once

namespace nightjar::bench {

/// S: one crypto_scalarmult of libsodium.
double scalar_multiplication();

/// One packet in a call of 64, with the kernel in force.
double unwrap_alone();

/// One cell through a link over loopback, both ends in this thread, 16 cells at a time.
double link_alone();

}  // namespace nightjar::bench
