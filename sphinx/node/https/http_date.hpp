// The time in an HTTP header (RFC 9110, section 5.6.7), in the one form that servers may send:
// "Sun, 06 Nov 1994 08:49:37 GMT". Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/time.hpp"

namespace nightjar::node::https {

/// Precondition: the year has four digits.
std::string http_date(base::Wall at);

/// Strict: http_date(*parse_http_date(text)) == text, so a weekday or day that does not exist is
/// refused. nullopt for every other text, the two old forms among them.
std::optional<base::Wall> parse_http_date(std::string_view text);

}  // namespace nightjar::node::https
