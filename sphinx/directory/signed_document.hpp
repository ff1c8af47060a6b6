// A network document together with the text that carries its signatures.
#pragma once

#include <memory>
#include <string>

#include "sphinx/directory/document.hpp"

namespace nightjar::directory {

/// Both are set, and `document` is what `text` parses to. A gateway passes the text on unchanged:
/// the signatures cover these bytes.
struct SignedDocument {
    std::shared_ptr<const Document> document;
    std::shared_ptr<const std::string> text;
};

}  // namespace nightjar::directory
