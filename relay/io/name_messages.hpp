// What an exit and the process that looks up names for it say to each other: one message in each
// datagram of a pair of sockets, at most name_message_max bytes, in one way of writing. The process
// may be taken over, so parse_reply() is a parser of hostile bytes. Integers are big-endian. An
// address is a byte, 4 or 6, and its 4 or 16 bytes.
//
//   to the process                              back
//   1 servers    count (1), address, port (2)   1 addresses  query (8), ttl (4), 4 or 6 (1), count
//   2 addresses  query (8), 4 or 6 (1), name                 (1), the addresses' bytes
//   3 name       query (8), address             2 name       query (8), name
//   4 withdraw   query (8)                      3 no answer  query (8), NameError (1)
//
// The first message names the servers. Each query is answered once, also one that is withdrawn.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "relay/core/name_answers.hpp"
#include "sphinx/base/bytes.hpp"

namespace nightjar::relay::io {

struct UseServers {
    std::vector<base::IpEndpoint> servers;  // 1 to name_servers_max
};
struct AskAddresses {
    std::uint64_t query = 0;
    core::Family family{};
    std::string name;  // base::is_host_name
};
struct AskName {
    std::uint64_t query = 0;
    base::IpAddress address;
};
struct Withdraw {
    std::uint64_t query = 0;
};
using NameRequest = std::variant<UseServers, AskAddresses, AskName, Withdraw>;

struct FoundAddresses {
    std::uint64_t query = 0;
    core::Family family{};
    core::NameAddresses found;  // 1 to found_addresses_max, all of `family`
};
struct FoundName {
    std::uint64_t query = 0;
    std::string name;  // base::is_host_name
};
struct NoAnswer {
    std::uint64_t query = 0;
    core::NameError error{};
};
using NameReply = std::variant<FoundAddresses, FoundName, NoAnswer>;

inline constexpr std::size_t name_servers_max = 16;
inline constexpr std::size_t found_addresses_max = 64;
inline constexpr std::size_t name_message_max = 1 + 8 + 4 + 1 + 1 + found_addresses_max * 16;

/// Precondition: what the comments above say of the fields.
base::Bytes to_bytes(const NameRequest& request);
base::Bytes to_bytes(const NameReply& reply);

/// nullopt for all that to_bytes() does not write.
std::optional<NameRequest> parse_request(base::ByteView message);
std::optional<NameReply> parse_reply(base::ByteView message);

}  // namespace nightjar::relay::io
