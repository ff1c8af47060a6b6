// What a document states: its text without the signatures. Two authorities may serve one statement
// with different signatures.
#pragma once

#include <string>
#include <string_view>

#include "sphinx/base/ids.hpp"

namespace nightjar::directory {

/// The part that is signed, of a text that parses: signed_text() in document.hpp.
std::string_view signed_part(std::string_view text);

/// HTTP's name for a statement: W/"EPOCH-HASH", HASH being 16 bytes of BLAKE2b-256 of its signed
/// part, in hexadecimal.
std::string etag(base::Epoch epoch, std::string_view signed_part);

}  // namespace nightjar::directory
