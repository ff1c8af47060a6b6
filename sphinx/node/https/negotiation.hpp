// What a request's header says about the form of its answer (RFC 9110). Pure.
#pragma once

#include <string_view>

#include "sphinx/node/https/message.hpp"

namespace nightjar::node::https {

/// The name of a coding in headers; empty for none.
std::string_view name_of(Coding coding);

/// Accept-Encoding (section 12.5.3): which of our codings it names with the largest weight; of
/// equal ones zstd. None if it names neither with a weight above zero. A star names nothing: a body
/// as it is is always right.
Coding accepted_coding(std::string_view accept_encoding);

/// If-None-Match (section 13.1.2), by weak comparison: a star, or a list that has `etag`.
bool matches(std::string_view if_none_match, std::string_view etag);

}  // namespace nightjar::node::https
