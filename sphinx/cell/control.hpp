// Control messages between two neighbours: one message per cell, padded with zeros.
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

/// The first cell in each direction. The link is closed if the first cell is anything else, or if
/// it names another network or version.
struct Hello {
    std::uint16_t version = protocol_version;
    base::NetworkId network;
    LinkRole role = LinkRole::client;
    bool operator==(const Hello&) const = default;
};

/// A client asks its gateway for the network document if it is newer than epoch `have`.
struct DocumentRequest {
    base::Epoch have;
    bool operator==(const DocumentRequest&) const = default;
};

inline constexpr std::size_t document_part_size = 2048;
inline constexpr std::size_t document_size_max = 1024 * 1024;

/// A part of the document's text, which has `total` bytes; this part starts at `offset`.
struct DocumentPart {
    base::Epoch epoch;
    std::uint32_t total = 0;   // 1 to document_size_max
    std::uint32_t offset = 0;  // a multiple of document_part_size
    base::Bytes bytes;         // document_part_size bytes, or the remainder
    bool operator==(const DocumentPart&) const = default;
};

using Control = std::variant<Hello, DocumentRequest, DocumentPart>;

enum class ControlError {
    unknown_type,
    bad_length,  // a part whose offset and total do not match
    bad_value,   // a role or version field outside its range
    not_zero,    // non-zero bytes after the message, or a non-zero epoch byte
};
const char* to_string(ControlError error);

/// Precondition: the fields of a DocumentPart are consistent (see above).
Cell encode(const Control& control);
/// Precondition: cell.kind() == Kind::control. Any error closes the link.
base::Result<Control, ControlError> decode(const Cell& cell);

}  // namespace nightjar::cell
