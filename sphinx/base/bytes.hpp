// Byte strings. A view never owns: whoever holds one guarantees that the bytes outlive it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nightjar::base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using ByteSpan = std::span<std::uint8_t>;
template <std::size_t N>
using ByteArray = std::array<std::uint8_t, N>;

/// The bytes of a text, without a terminator.
inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Bytes read as text; nothing is checked.
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal. Never give it a secret: it does not run in constant time.
std::string to_hex(ByteView bytes);

/// Strict: an even number of lower-case hexadecimal digits and nothing else.
std::optional<Bytes> from_hex(std::string_view text);

/// Equality in constant time for equal lengths; the lengths themselves are public.
bool equal_constant_time(ByteView a, ByteView b);

}  // namespace nightjar::base
