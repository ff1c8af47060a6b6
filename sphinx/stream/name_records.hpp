// The exit's answer to a RESOLVE, as the bytes of its stream (docs/stream.md): one to records_max
// records, and then the stream's end.
//
//   TTL 4 | kind 1 | 4: address 4     6: address 16     1: length 1, name
//
// Pure formats: no state, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ip.hpp"

namespace nightjar::stream {

struct NameRecord {
    std::variant<base::IpAddress, std::string> value;  // a string is a host name
    std::uint32_t ttl = 0;                             // seconds; 0 if the exit does not know it
    bool operator==(const NameRecord&) const = default;
};

inline constexpr std::size_t records_max = 32;
/// The most bytes that records_max records take.
inline constexpr std::size_t records_bytes_max = records_max * (4 + 1 + 1 + 255);

/// Preconditions: at most records_max records; each name is a host name.
base::Bytes encode(std::span<const NameRecord> records);
/// nullopt if anything is malformed: no record or too many, an unknown kind, a record that is cut
/// off, or a name that is not a host name.
std::optional<std::vector<NameRecord>> decode_records(base::ByteView bytes);

}  // namespace nightjar::stream
