// The file with the signed network document: reads it, checks it against the trust anchors, and
// detects when it has changed. Every error is one line for the operator.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <filesystem>
#include <string>

#include "sphinx/base/time.hpp"
#include "sphinx/directory/quorum.hpp"
#include "sphinx/directory/signed_document.hpp"

namespace nightjar::relay::operation {

class DocumentFile {
 public:
    DocumentFile(std::filesystem::path file, directory::Anchors anchors);

    /// Reads and checks the file. `held`: the epoch of the document in use. Throws
    /// node::StartupError: `config` if there is no document or it is not one of this network,
    /// `not_ready` if it has expired or is not valid yet.
    directory::SignedDocument load(base::Wall now, base::Epoch held);

    /// True if the file has changed since the last load(), or if its document was not valid yet
    /// then.
    bool changed_since_load() const;

    const directory::Anchors& anchors() const { return anchors_; }

 private:
    struct Stamp {
        ino_t inode = 0;
        off_t size = 0;
        std::timespec changed{};
        bool operator==(const Stamp& other) const {
            return inode == other.inode && size == other.size &&
                   changed.tv_sec == other.changed.tv_sec &&
                   changed.tv_nsec == other.changed.tv_nsec;
        }
    };
    Stamp stamp() const;

    std::filesystem::path file_;
    directory::Anchors anchors_;
    Stamp seen_;
    bool early_ = false;
};

}  // namespace nightjar::relay::operation
