// The headers of exit session packets (docs/traffic-law.md section 2).
//
//   client -> exit, 2048 bytes:  UpHeader, 62 | surb_count x 396 | frames, zeros
//   exit -> client, 2048 bytes:  DownHeader, 34 | frames, zeros
//
// Pure formats: no state, any thread.
#pragma once

#include <bitset>
#include <cstdint>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"

namespace nightjar::stream {

inline constexpr std::size_t message_size = 2048;  // the application's part of a packet
inline constexpr std::size_t surb_size = 396;
inline constexpr std::size_t surbs_max = 5;     // 5 leave 6 bytes for frames, 4 leave 402
inline constexpr std::size_t ack_window = 160;  // packet numbers below `largest` that an ack covers

inline constexpr std::size_t acks_size = 4 + ack_window / 8;
inline constexpr std::size_t up_header_size = 16 + 1 + 1 + 4 + 16 + acks_size;
inline constexpr std::size_t down_header_size = 4 + 4 + 2 + acks_size;
static_assert(up_header_size == 62 && down_header_size == 34);
static_assert(up_header_size + surbs_max * surb_size <= message_size);

using PacketNumber = std::uint32_t;  // counts the packets of one direction, from 1

/// Acknowledgements: `largest` has arrived, and bit i says whether largest - 1 - i has arrived, for
/// the ack_window numbers below it. largest == 0: nothing has arrived yet. `largest` need not be
/// the newest packet that has arrived: at high rates a receiver also reports older windows.
struct Acks {
    PacketNumber largest = 0;
    std::bitset<ack_window> below;
    bool operator==(const Acks&) const = default;
};

/// The session's pace. Every packet repeats it with the same bytes; the highest sequence wins. From
/// the change on a packet holds {sequence, the new pace, 0, 0}. Nothing in it depends on when the
/// packet was sent: otherwise the exit could tell which slot of the client's link a packet left in.
struct Schedule {
    std::uint32_t sequence = 0;
    std::uint32_t pace_milli = 0;  // replies per 1000 s until the change; 24 bits
    std::uint32_t change_at = 0;  // network time: whole seconds since 1970; 0: no change is pending
    std::uint32_t next_pace_milli = 0;  // replies per 1000 s after the change; 0 if none is pending
    // The first of the session's ranks in a frame of the exits' beat (beat.hpp), before and after.
    std::uint8_t first_rank = 0;
    std::uint8_t next_first_rank = 0;  // 0 if no change is pending
    bool operator==(const Schedule&) const = default;
};

struct UpHeader {
    base::SessionId session;
    std::uint8_t surb_count = 0;  // at most surbs_max
    std::uint8_t surb_epoch = 0;  // low byte of the epoch of all SURBs in this packet
    PacketNumber number = 0;
    Schedule schedule;
    Acks acks;
    bool operator==(const UpHeader&) const = default;
};

struct DownHeader {
    PacketNumber number = 0;
    /// Not zero. Chosen by the exit when it begins the session. An exit that has forgotten a
    /// session begins another one with the next packet of the same id, under another number.
    std::uint32_t incarnation = 0;
    std::uint16_t stock = 0;  // SURBs left at the exit after this reply
    Acks acks;
    bool operator==(const DownHeader&) const = default;
};

enum class HeaderError {
    bad_length,      // the message is not message_size bytes
    too_many_surbs,  // surb_count > surbs_max
    bad_value,       // packet number, session or incarnation 0, ack bits for numbers below 1, or a
                     // next pace without a change
};

/// Precondition: `out` has at least up_header_size or down_header_size bytes.
void encode(const UpHeader& header, base::ByteSpan out);
void encode(const DownHeader& header, base::ByteSpan out);
/// Decodes the header of a whole message (message_size bytes).
base::Result<UpHeader, HeaderError> decode_up(base::ByteView message);
base::Result<DownHeader, HeaderError> decode_down(base::ByteView message);

/// The parts of a message after its header, as views into it. Preconditions: a whole message whose
/// header was decoded as `header`; i < header.surb_count.
base::ByteView surb_of(const UpHeader& header, base::ByteView message, std::size_t i);
base::ByteView frames_of(const UpHeader& header, base::ByteView message);
base::ByteView frames_of(const DownHeader& header, base::ByteView message);
/// The bytes for frames in a packet to the exit with this number of SURBs. Precondition: surb_count
/// <= surbs_max.
constexpr std::size_t up_room(std::size_t surb_count) {
    return message_size - up_header_size - surb_count * surb_size;
}
inline constexpr std::size_t down_room = message_size - down_header_size;

}  // namespace nightjar::stream
