// The datagrams of UDP ASSOCIATE (RFC 1928, section 7). Only DNS is served: port 53, and no
// fragments. Pure.
#pragma once

#include <optional>

#include "client/protocol/dns_message.hpp"
#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ip.hpp"

namespace nightjar::client::protocol::socks5 {

/// The header of a name of 255 bytes, and the longest query.
inline constexpr std::size_t datagram_max = 3 + 1 + 1 + 255 + 2 + dns::query_max;

/// Both parts of a datagram, as it came. They live as long as its bytes.
struct Datagram {
    base::ByteView header;  // an answer repeats it: it says which name server answers
    base::ByteView message;
};

/// Empty for a datagram that is dropped: one that is cut, has a reserved byte, is a fragment, or
/// goes to another port than 53. Its name server does not matter: the exit has its own.
std::optional<Datagram> read_datagram(base::ByteView bytes);

/// The reply to UDP ASSOCIATE: where to send the datagrams.
base::Bytes association_bytes(const base::IpEndpoint& at);

}  // namespace nightjar::client::protocol::socks5
