// The frames in a packet (docs/stream.md): one type byte, then fields. Integers marked v are
// varints of 1, 2, 4 or 8 bytes; the shortest that fits is mandatory.
//
//   0 end       zeros to the packet's end        5 data    stream v, offset v, length v, bytes
//   1 ping      nonce 8                          6 fin     stream v, final offset v
//   2 pong      nonce 8                          7 reset   stream v, reason 1, good offset v
//   3 open      stream v, port 2, length 1, host 8 window  stream v, max offset v
//   4 accept    stream v                         9 stop    stream v, reason 1
//  11 join      session 16, incarnation 4       10 resolve stream v, length 1, host
//  12 joined    answer 1
//
// Pure formats: no state, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/codec.hpp"

namespace nightjar::stream {

using StreamId = std::uint32_t;  // chosen by the client, counting up from 1

enum class Side { client, exit };

enum class ResetReason : std::uint8_t {
    cancelled = 1,      // the application or the target closed the connection
    refused_by_policy,  // by the exit's policy, after name resolution
    unresolvable,
    unreachable,
    connection_refused,
    timed_out,
    protocol_error,  // overlap that differs, data after the final offset, window overrun, …
    overload,        // a limit of the exit was reached
    session_ended,
};

inline constexpr std::uint64_t varint_max = (std::uint64_t{1} << 62) - 1;
constexpr std::size_t varint_size(std::uint64_t value) {
    return value < 1U << 6 ? 1 : value < 1U << 14 ? 2 : value < 1U << 30 ? 4 : 8;
}
/// Precondition: value <= varint_max.
void write_varint(base::Writer& writer, std::uint64_t value);
/// Makes the reader fail on every encoding that is not the shortest.
std::optional<std::uint64_t> read_varint(base::Reader& reader);

enum class FrameType : std::uint8_t {
    end = 0,
    ping,
    pong,
    open,
    accept,
    data,
    fin,
    reset,  // both directions end; the sender's bytes are good up to the offset
    window,
    stop,     // the sender reads no more; what it sends itself goes on
    resolve,  // instead of an open: asks for the host's addresses, or a literal address's name
    join,     // this session carries the streams of an earlier one from now on
    joined,   // the answer: it does, or it may not
};

/// A session's id and its incarnation. Only its client and its exit know both, so they prove to the
/// exit that a JOIN comes from the client of that session.
inline constexpr std::size_t join_token_size = 16 + 4;
using JoinToken = base::ByteArray<join_token_size>;

struct Frame {
    FrameType type = FrameType::end;
    StreamId stream = 0;
    std::uint64_t value = 0;  // nonce, offset, final offset, good offset, max offset or answer
    ResetReason reason = ResetReason::cancelled;
    std::uint16_t port = 0;
    base::ByteView bytes;  // data, host name or token; a view into the parsed bytes
};

std::size_t frame_size(const Frame& frame);
/// Returns false and writes nothing if `writer` has no room for the whole frame.
bool write_frame(base::Writer& writer, const Frame& frame);

/// The frames of one packet, parsed and checked as a whole: if one breaks a rule, there is no
/// object. Only parse() makes one, so what takes a CheckedFrames need not check again.
///
/// The data and host names in the frames are views into the bytes given to parse(). Those bytes
/// must outlive the object and must not change while it lives. Make one per packet, on the stack.
class CheckedFrames {
 public:
    /// Parses the frames that may be sent to `receiver`. nullopt if a frame is malformed, or if a
    /// byte after the end is not zero.
    static std::optional<CheckedFrames> parse(Side receiver, base::ByteView frames);
    CheckedFrames(CheckedFrames&&) noexcept = default;
    CheckedFrames& operator=(CheckedFrames&&) noexcept = default;

    Side receiver() const { return receiver_; }
    // In the order of the packet.
    auto begin() const { return frames_.begin(); }
    auto end() const { return frames_.end(); }
    /// The first frame of this type; nullptr if there is none.
    const Frame* find(FrameType type) const;

 private:
    explicit CheckedFrames(Side receiver) : receiver_{receiver} {}

    Side receiver_;
    std::vector<Frame> frames_;
};

/// True for 1 to 255 bytes without a NUL.
bool valid_host(base::ByteView host);

}  // namespace nightjar::stream
