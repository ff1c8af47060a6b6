// Byte strings. A view does not own its bytes: they must outlive it.
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

/// Views the bytes as text; checks nothing.
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal. Not for secrets: it does not run in constant time.
std::string to_hex(ByteView bytes);

/// Accepts an even number of lower-case hexadecimal digits and nothing else; otherwise nullopt.
std::optional<Bytes> from_hex(std::string_view text);

/// Compares in constant time for equal lengths; the lengths themselves are public.
bool equal_constant_time(ByteView a, ByteView b);

}  // namespace nightjar::base
