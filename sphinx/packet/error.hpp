// Why a packet, SURB or payload was refused. Never sent to a peer: the wire's answer is silence.
#pragma once

namespace nightjar::packet {

enum class Error {
    bad_length,       // packet, SURB, message or payload of a wrong size; found before any work
    low_order,        // a multiplication gave 32 zeros
    mac_mismatch,     // the MAC does not fit the routing block
    bad_flag,         // the MAC fits, the flag is neither 1 nor 2
    bad_version,      // the MAC fits, the version is neither 259 nor 260
    bad_payload,      // a message without its 16 zeros or its 0x01
    bad_route,        // no hop, over five, or another number of delays than of hops
    zero_identifier,  // a SURB needs an identifier that is not all zeros
    bad_key,          // a node's public key is no point of the curve
    bad_alpha,        // the top bit of alpha is set, which no builder does
    surb_spent,       // the SURB was used before
};

/// The word of the check vectors, for tests and for the drop table of the manual.
const char* to_string(Error error);

}  // namespace nightjar::packet
