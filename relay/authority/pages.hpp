// What an authority serves of each document, and what `publish` writes: its text, how it differs
// from the document of the epoch before, the descriptors that it was made of, and all compressed.
// Made once for each epoch.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "relay/authority/archive.hpp"
#include "sphinx/node/https/message.hpp"

namespace nightjar::relay::authority {

struct Page {
    node::https::Body text;
    node::https::Body gzip, zstd;  // empty: not compressed
};

struct Pages {
    std::string etag;
    Page document;
    Page diff;  // empty text: there is no document of the epoch before, or it would not be smaller
    bool kept = false;  // for later requests too
};

/// Makes all of an epoch's pages. Precondition: its document is in the archive. Throws
/// std::system_error.
Pages make_pages(const Archive& archive, base::Epoch epoch);

/// Descriptors, as a page with an etag of its own; nullopt if there are none. Throws
/// std::system_error.
struct Listed {
    std::string etag;
    Page page;
};
std::optional<Listed> make_listed(const Archive& archive, base::Epoch epoch);

/// The pages of the newest epochs. Of older ones, which hardly anyone asks for, only the text is
/// served: to compress them again for each stranger would cost much.
class PageStore {
 public:
    static constexpr std::size_t epochs_max = 3;

    /// nullptr if there is no document. The pointer holds until the next call. Throws
    /// std::system_error.
    const Pages* find(const Archive& archive, base::Epoch epoch);
    /// The same for descriptors.
    const Listed* listed(const Archive& archive, base::Epoch epoch);

 private:
    std::map<base::Epoch, Pages> newest_;
    Pages older_;
    std::map<base::Epoch, Listed> listed_;
};

}  // namespace nightjar::relay::authority
