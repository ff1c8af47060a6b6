// What an authority serves of each document, and what `publish` writes: its text, how it differs
// from the document of the epoch before, and both compressed. Made once for each epoch.
#pragma once

#include <map>
#include <string>

#include "relay/authority/archive.hpp"

namespace nightjar::relay::authority {

struct Page {
    std::string text;
    std::string packed;  // gzip; empty: not compressed
};

struct Pages {
    std::string etag;
    Page document;
    Page diff;  // empty text: there is no document of the epoch before, or it would not be smaller
};

/// Makes all of an epoch's pages. Precondition: its document is in the archive. Throws
/// std::system_error.
Pages make_pages(const Archive& archive, base::Epoch epoch);

/// The pages of the newest epochs. Of older ones, which hardly anyone asks for, only the text is
/// served: to compress them again for each stranger would cost much.
class PageStore {
 public:
    static constexpr std::size_t epochs_max = 3;

    /// nullptr if there is no document. The pointer holds until the next call. Throws
    /// std::system_error.
    const Pages* find(const Archive& archive, base::Epoch epoch);

 private:
    std::map<base::Epoch, Pages> newest_;
    Pages older_;
};

}  // namespace nightjar::relay::authority
