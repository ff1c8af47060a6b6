// A document as a change of the one before it (docs/directory.md, "Diffs"): each epoch changes few
// of a relay's lines. A reader that has the older document needs a tenth of the bytes.
//
// A diff is not signed. Its result has the hash that it names, and is then checked like every
// document: a wrong diff can only fail.
#pragma once

#include <string>
#include <string_view>

#include "sphinx/base/result.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// What makes `newer` of `older`, both texts of documents. The signatures of `older` do not matter.
std::string make_diff(std::string_view older, std::string_view newer);

/// The newer text, with at most document_text_max bytes. An error for every diff that is malformed,
/// is of another document than `older`, or does not give the text whose hash it names.
base::Result<std::string, ParseError> apply_diff(std::string_view older, std::string_view diff);

}  // namespace nightjar::directory
