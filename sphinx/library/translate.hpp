// What all functions of the C interface share: they check pointers, translate arguments and errors,
// and let no exception out. Any thread.
#pragma once

#include <sodium.h>

#include <algorithm>
#include <new>
#include <span>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/library/nightjar_packet.h"
#include "sphinx/packet/error.hpp"
#include "sphinx/packet/hop.hpp"

namespace nightjar::library {

/// The same error in C.
inline nightjar_error of(packet::Error error) {
    switch (error) {
        case packet::Error::bad_length:
            return NIGHTJAR_BAD_LENGTH;
        case packet::Error::low_order:
            return NIGHTJAR_LOW_ORDER;
        case packet::Error::mac_mismatch:
            return NIGHTJAR_MAC_MISMATCH;
        case packet::Error::bad_flag:
            return NIGHTJAR_BAD_FLAG;
        case packet::Error::bad_version:
            return NIGHTJAR_BAD_VERSION;
        case packet::Error::bad_payload:
            return NIGHTJAR_BAD_PAYLOAD;
        case packet::Error::bad_route:
            return NIGHTJAR_BAD_ROUTE;
        case packet::Error::zero_identifier:
            return NIGHTJAR_ZERO_IDENTIFIER;
        case packet::Error::bad_key:
            return NIGHTJAR_BAD_KEY;
        case packet::Error::bad_alpha:
            return NIGHTJAR_BAD_ALPHA;
        case packet::Error::surb_spent:
            return NIGHTJAR_SURB_SPENT;
    }
    return NIGHTJAR_INTERNAL;
}

/// Runs a function's body. libsodium is initialised first, so that it takes the fastest code for
/// this processor.
template <class Body>
nightjar_error guarded(Body&& body) noexcept {
    try {
        static const bool started = sodium_init() >= 0;
        return started ? body() : NIGHTJAR_INTERNAL;
    } catch (const std::bad_alloc&) {
        return NIGHTJAR_NO_MEMORY;
    } catch (...) {
        return NIGHTJAR_INTERNAL;
    }
}

template <class... Pointers>
bool given(const Pointers*... pointers) {
    return ((pointers != nullptr) && ...);
}
/// True if `bytes` may point to `size` bytes; NULL may stand for none.
inline bool given_bytes(const std::uint8_t* bytes, std::size_t size) {
    return bytes != nullptr || size == 0;
}

template <class IdType>
IdType id(const std::uint8_t* bytes) {
    return *IdType::from({bytes, IdType::size()});
}
inline packet::SecretKey secret(const std::uint8_t* bytes) {
    return packet::SecretKey{
        std::span<const std::uint8_t, packet::SecretKey::size()>{bytes, packet::SecretKey::size()}};
}
template <class From>
void write(std::uint8_t* out, const From& from) {
    std::copy(from.begin(), from.end(), out);
}

/// Precondition: given(route), hops <= max_hops.
inline std::vector<packet::Hop> route_of(const nightjar_hop* route, std::size_t hops) {
    std::vector<packet::Hop> made;
    for (const auto& hop : std::span{route, hops})
        made.push_back(
            {id<base::NodeId>(hop.address), id<packet::PublicKey>(hop.key), hop.delay_ns});
    return made;
}

inline packet::HeaderRandomness randomness_of(const nightjar_randomness* given) {
    if (given == nullptr) {
        base::SystemRandom random;
        return packet::HeaderRandomness::draw(random);
    }
    packet::HeaderRandomness randomness;
    randomness.initial_secret = secret(given->initial_secret);
    std::ranges::copy(given->final_padding, randomness.final_padding.begin());
    return randomness;
}

}  // namespace nightjar::library
