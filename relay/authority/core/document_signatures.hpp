// The signatures on a decided document, until a quorum has signed.
#pragma once

#include <string>
#include <string_view>

#include "relay/authority/core/council.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority::core {

class DocumentSignatures {
 public:
    /// `document` is what Agreement::decision() gives, and so is never another one for its epoch.
    DocumentSignatures(const Council& council, directory::Document document);

    /// False if the signature is not an authority's on this document, or is held already.
    bool add(const directory::Signature& signature);
    /// An authority has signed another text, or something claims so: a bundle may hold anything.
    bool misfits() const { return misfits_; }
    /// A quorum has signed: every relay and client accepts it.
    bool complete() const { return document_.signatures.size() >= council_.quorum; }
    const directory::Document& document() const { return document_; }
    const std::string& signed_text() const { return text_; }

 private:
    const Council& council_;
    directory::Document document_;
    std::string text_;
    bool misfits_ = false;
};

/// The name of the first line in which two signed texts differ, as the first one has it: never a
/// value, which could be an address. Empty: they are equal.
std::string first_difference(std::string_view text, std::string_view other);

}  // namespace nightjar::relay::authority::core
