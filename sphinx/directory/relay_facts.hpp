// One relay as facts: a block of lines in a document, and the body of a descriptor.
#pragma once

#include <optional>
#include <string>

#include "sphinx/directory/facts.hpp"

namespace nightjar::directory {

/// A document has what the authority adds (capacity, family, operator); a descriptor has not.
enum class RelayForm { document, descriptor };

inline constexpr std::size_t addresses_max = 8;
inline constexpr std::uint32_t capacity_max = 1'000'000;

void put_relay(std::string& text, const Relay& relay, RelayForm form);
Relay take_relay(FactReader& reader, RelayForm form);

/// Why a relay could not be listed: the text of it would not parse, or would parse to another one.
std::optional<std::string> relay_fault(const Relay& relay, RelayForm form);

}  // namespace nightjar::directory
