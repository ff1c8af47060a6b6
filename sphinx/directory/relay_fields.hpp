// One relay as lines: a block in a document, and the body of a descriptor.
#pragma once

#include <optional>
#include <string>

#include "sphinx/directory/fields.hpp"

namespace nightjar::directory {

/// A document contains the fields that the authority adds (capacity, family, operator); a
/// descriptor does not.
enum class RelayForm { document, descriptor };

inline constexpr std::size_t addresses_max = 8;
inline constexpr std::uint32_t capacity_max = 1'000'000;

void put_relay(std::string& text, const Relay& relay, RelayForm form);
Relay take_relay(FieldReader& reader, RelayForm form);

/// The reason why a relay cannot be listed: its text would not parse, or would parse to a different
/// relay. nullopt if it can be listed.
std::optional<std::string> relay_fault(const Relay& relay, RelayForm form);

/// What messages call a relay: its name, or the first digits of its identity.
std::string called(const Relay& relay);

}  // namespace nightjar::directory
