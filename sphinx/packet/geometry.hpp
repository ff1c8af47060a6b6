// All sizes of a packet, derived from one another (docs/packet-format.md section 1).
#pragma once

#include <cstddef>

namespace nightjar::packet {

inline constexpr std::size_t max_hops = 5;   // r
inline constexpr std::size_t key_size = 16;  // k: gamma, cipher keys, seeds
inline constexpr std::size_t node_address_size = 32;
inline constexpr std::size_t destination_size = 32;
inline constexpr std::size_t identifier_size = 16;
inline constexpr std::size_t flag_size = 1;
inline constexpr std::size_t version_size = 3;
inline constexpr std::size_t delay_size = 8;

inline constexpr std::size_t forward_meta_size =
    flag_size + version_size + node_address_size + delay_size;                  // 44
inline constexpr std::size_t routing_slot_size = forward_meta_size + key_size;  // 60
inline constexpr std::size_t final_meta_size =
    flag_size + version_size + destination_size + identifier_size;            // 52
inline constexpr std::size_t beta_size = max_hops * routing_slot_size;        // 300
inline constexpr std::size_t keystream_size = beta_size + routing_slot_size;  // 360
inline constexpr std::size_t alpha_size = 32;
inline constexpr std::size_t gamma_offset = alpha_size;
inline constexpr std::size_t beta_offset = gamma_offset + key_size;
inline constexpr std::size_t header_size = alpha_size + key_size + beta_size;       // 348
inline constexpr std::size_t final_padding_size_max = beta_size - final_meta_size;  // 248, one hop

inline constexpr std::size_t payload_zeros = 16;
inline constexpr std::size_t payload_overhead = payload_zeros + 1;  // and 0x01
inline constexpr std::size_t payload_key_size = 192;                // LIONESS
inline constexpr std::size_t payload_size_min = 33;

inline constexpr std::size_t expanded_secret_size = 288;
inline constexpr std::size_t surb_size = header_size + node_address_size + key_size;  // 396

// The network has one packet size. Functions still take the payload size as an argument, because
// the check vectors vary it.
inline constexpr std::size_t message_size = 2048;
inline constexpr std::size_t payload_size = message_size + payload_overhead;
inline constexpr std::size_t packet_size = header_size + payload_size;

static_assert(forward_meta_size == 44 && routing_slot_size == 60 && final_meta_size == 52);
static_assert(beta_size == 300 && keystream_size == 360 && header_size == 348);
static_assert(surb_size == 396 && payload_size == 2065 && packet_size == 2413);

}  // namespace nightjar::packet
