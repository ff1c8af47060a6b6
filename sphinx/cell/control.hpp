// Control messages: what two neighbours say to each other, one in a cell, zeros behind it.
#pragma once

#include <cstdint>
#include <variant>

#include "sphinx/base/bytes.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/cell/cell.hpp"

namespace nightjar::cell {

inline constexpr std::uint16_t protocol_version = 1;

enum class LinkRole : std::uint8_t { client = 1, relay = 2 };

/// The first cell each way. Anything else first, or another network or version: the link closes.
struct Hello {
    std::uint16_t version = protocol_version;
    base::NetworkId network;
    LinkRole role = LinkRole::client;
    bool operator==(const Hello&) const = default;
};

/// A client asks its gateway for the network document, if it is newer than the epoch it has.
struct DocumentRequest {
    base::Epoch have;
    bool operator==(const DocumentRequest&) const = default;
};

inline constexpr std::size_t document_part_size = 2048;
inline constexpr std::size_t document_size_max = 1024 * 1024;

/// A piece of the document's text: `total` bytes in all, this one at `offset`.
struct DocumentPart {
    base::Epoch epoch;
    std::uint32_t total = 0;   // 1 to document_size_max
    std::uint32_t offset = 0;  // a multiple of document_part_size
    base::Bytes bytes;         // document_part_size, or what is left
    bool operator==(const DocumentPart&) const = default;
};

using Control = std::variant<Hello, DocumentRequest, DocumentPart>;

enum class ControlError {
    unknown_type,
    bad_length,  // a part that does not fit its own total
    bad_value,   // a role or version field outside its range
    not_zero,    // bytes behind the message, or an epoch byte, which control cells do not have
};
const char* to_string(ControlError error);

/// Precondition: a part fits its own total (DocumentPart above).
Cell encode(const Control& control);
/// Precondition: cell.kind() == Kind::control. Any error closes the link.
base::Result<Control, ControlError> decode(const Cell& cell);

}  // namespace nightjar::cell
