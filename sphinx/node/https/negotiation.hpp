// What a request's header says about the form of its answer (RFC 9110). Pure.
#pragma once

#include <string_view>

namespace nightjar::node::https {

/// Accept-Encoding (section 12.5.3). False unless it names gzip with a weight above zero.
bool accepts_gzip(std::string_view accept_encoding);

/// If-None-Match (section 13.1.2), by weak comparison: a star, or a list that has `etag`.
bool matches(std::string_view if_none_match, std::string_view etag);

}  // namespace nightjar::node::https
