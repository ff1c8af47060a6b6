// The country that a relay states: a claim, which no signature makes true.
#pragma once

#include <string_view>

namespace nightjar::directory {

/// True for two letters a to z. Descriptors and documents may contain every such pair: the list of
/// codes changes, and an older program must not refuse a document for a new country.
bool looks_like_country(std::string_view text);

/// True for a code that ISO 3166-1 alpha-2 assigns (249 on 2026-11-29), in lower case. For what a
/// person writes.
bool is_country(std::string_view text);

}  // namespace nightjar::directory
