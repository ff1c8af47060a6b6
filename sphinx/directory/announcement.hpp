// That other parameters hold from a later epoch on, as the signed documents before it say: the
// optional line `parameters-from EPOCH HASH` (docs/directory.md, "Optional lines").
#pragma once

#include <optional>

#include "sphinx/base/ids.hpp"
#include "sphinx/directory/optional_lines.hpp"
#include "sphinx/directory/parameters.hpp"

namespace nightjar::directory {

struct Announcement {
    base::Epoch from;
    base::ByteArray<32> hash{};  // parameters_hash() of what holds then
    bool operator==(const Announcement&) const = default;
};
inline constexpr std::string_view announcement_name = "parameters-from";

/// BLAKE2b-256 of their lines in a document.
base::ByteArray<32> parameters_hash(const Parameters& parameters);

OptionalLine to_line(const Announcement& announcement);
/// What a document says. nullopt: nothing, or something that is no announcement: an older program
/// takes such a line, so no program refuses it.
std::optional<Announcement> announcement_in(const OptionalLines& document);

}  // namespace nightjar::directory
