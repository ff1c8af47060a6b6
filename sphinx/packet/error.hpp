// The reason why a packet, SURB or payload was refused. Never sent to a peer: on the wire the
// answer is silence.
#pragma once

namespace nightjar::packet {

enum class Error {
    bad_length,       // wrong size of packet, SURB, message or payload; detected first
    low_order,        // a multiplication resulted in 32 zeros
    mac_mismatch,     // the MAC does not match the routing block
    bad_flag,         // the MAC matches, but the flag is neither 1 nor 2
    bad_version,      // the MAC matches, but the version is neither 259 nor 260
    bad_payload,      // the 16 zeros or the 0x01 of the message are missing
    bad_route,        // no hop, more than five, or the lists differ in length
    zero_identifier,  // a SURB's identifier must not be all zeros
    bad_key,          // a node's public key is not a point of the curve
    bad_alpha,        // the top bit of alpha is set, which no builder does
    surb_spent,       // the SURB was used before
};

/// The word used in the check vectors, for tests and for the drop table of the manual.
const char* to_string(Error error);

}  // namespace nightjar::packet
