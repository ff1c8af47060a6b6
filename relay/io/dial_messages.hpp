// What an exit and the process that connects to targets for it say to each other: one message in
// each datagram of a pair of sockets. Each message has one encoding. The process may be taken over,
// so parse_dial_reply() is a parser of hostile bytes. Integers are big-endian, an address is that
// of sphinx/base/ip_codec.hpp.
//
//   to the process                              back
//   1 connect   attempt (8), address, port (2)  1 connected      attempt (8), and the socket as the
//   2 give up   attempt (8)                                      message's one descriptor
//                                               2 not connected  attempt (8), DialError (1)
//
// Each attempt is answered once, also one that is given up. Pure; any thread.
#pragma once

#include <optional>
#include <variant>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ip.hpp"

namespace nightjar::relay::io {

/// Why an attempt has failed.
enum class DialError : std::uint8_t {
    refused,
    reset,  // the target accepted, and broke off before the exit had the socket
    timed_out,
    unreachable,
    overload,        // the system has no memory or no local port for it
    no_descriptors,  // a process has no file descriptor left
    given_up         // the exit asked for it
};

struct Connect {
    std::uint64_t attempt = 0;
    base::IpEndpoint target;
};
struct GiveUp {
    std::uint64_t attempt = 0;
};
using DialRequest = std::variant<Connect, GiveUp>;

struct Connected {
    std::uint64_t attempt = 0;
};
struct NotConnected {
    std::uint64_t attempt = 0;
    DialError error{};
};
using DialReply = std::variant<Connected, NotConnected>;

inline constexpr std::size_t dial_message_max = 1 + 8 + 1 + 16 + 2;

base::Bytes to_bytes(const DialRequest& request);
base::Bytes to_bytes(const DialReply& reply);

/// nullopt for all that to_bytes() does not write.
std::optional<DialRequest> parse_dial_request(base::ByteView message);
std::optional<DialReply> parse_dial_reply(base::ByteView message);

}  // namespace nightjar::relay::io
