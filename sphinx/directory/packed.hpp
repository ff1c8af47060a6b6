// The forms in which a gateway hands a document to its clients (docs/directory.md, "To clients"):
// compressed, and as a diff to a client that has the document before it. A packed document is a
// byte that names its form (1 whole, 2 diff) and a gzip stream. Pure.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sphinx/base/result.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/signed_document.hpp"

namespace nightjar::directory {

/// The whole text.
std::string pack(std::string_view text);
/// What makes `newer` of `older`, both texts of documents.
std::string pack_diff(std::string_view older, std::string_view newer);
bool is_diff(std::string_view packed);

/// The text, unchecked, with at most document_text_max bytes. A diff is one of `held`, the document
/// that the reader has; without one (nullptr) it is refused. The error is a sentence.
base::Result<std::string, std::string> unpack(std::string_view packed, const Document* held);

/// A gateway's. Both forms are made once for each document, and not for each client: use() takes
/// some 30 ms for 1,000 relays.
class PackedDocuments {
 public:
    struct Answer {
        base::Epoch epoch;                         // of the document
        std::shared_ptr<const std::string> bytes;  // packed; nullptr: the client gets nothing
    };

    /// The gateway's first document, or the next one.
    void use(const SignedDocument& document);
    /// For a client that has the document of epoch `have`: nothing unless this one is newer. A
    /// client with the document that this gateway had before gets a diff, any other the whole text.
    Answer answer(base::Epoch have) const;

 private:
    SignedDocument current_;
    base::Epoch before_;                        // that diff_ begins with
    std::shared_ptr<const std::string> whole_;  // nullptr: no document yet
    std::shared_ptr<const std::string> diff_;   // nullptr: none, or it would save nothing
};

}  // namespace nightjar::directory
