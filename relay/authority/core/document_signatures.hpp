// The signatures on a decided document, until a quorum has signed.
#pragma once

#include <string>

#include "relay/authority/core/council.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority::core {

class DocumentSignatures {
 public:
    /// `document` is what Agreement::decision() gives, and so is never another one for its epoch.
    DocumentSignatures(const Council& council, directory::Document document);

    /// False if the signature is not an authority's on this document, or is held already.
    bool add(const directory::Signature& signature);
    /// A quorum has signed: every relay and client accepts it.
    bool complete() const { return document_.signatures.size() >= council_.quorum; }
    const directory::Document& document() const { return document_; }
    const std::string& signed_text() const { return text_; }

 private:
    const Council& council_;
    directory::Document document_;
    std::string text_;
};

}  // namespace nightjar::relay::authority::core
