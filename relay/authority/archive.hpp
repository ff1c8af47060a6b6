// What an authority must know after a restart: the documents that it has signed and the descriptors
// that count. Each is a file in its state directory:
//
//     documents/EPOCH              signed; never changed
//     descriptors/EPOCH-IDENTITY
//     listed/EPOCH                 the descriptors that its document was made of; for strangers
//
// A document is on the disk before its signature leaves this machine, so an authority never signs
// two documents of one epoch. One thread; one process.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sphinx/base/ids.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::authority {

/// Where an authority keeps documents that prove a fault of the others.
inline std::filesystem::path evidence_folder(const std::filesystem::path& state) {
    return state / "evidence";
}

class Archive {
 public:
    /// Creates the folders if they do not exist. Throws std::system_error.
    explicit Archive(std::filesystem::path folder);

    static constexpr std::size_t documents_max = 1000;  // the oldest is forgotten

    const std::set<base::Epoch>& signed_epochs() const { return signed_; }
    /// nullopt if there is none. Throws std::system_error if the file cannot be read.
    std::optional<std::string> document(base::Epoch epoch) const;
    /// Waits for the disk. Throws std::system_error. Precondition: the epoch is not signed.
    void keep_document(base::Epoch epoch, const std::string& text);

    /// The texts of all kept descriptors, those of earlier epochs first: a relay with an open place
    /// in one epoch keeps it in the next.
    std::vector<std::string> descriptors() const;
    /// Waits for the disk: a relay does not send again what was taken. Throws std::system_error.
    void keep_descriptor(base::Epoch epoch, const base::NodeId& relay, const std::string& text);
    void forget_descriptors_before(base::Epoch first);

    static constexpr std::size_t listed_max = 3;  // the oldest is removed
    static constexpr std::size_t listed_size_max = 4 * 1024 * 1024;
    /// Keeps those of `texts` that `document` lists with the same keys, in its order. Where they
    /// would be longer than listed_size_max, the last are left out. Waits for no disk: nothing
    /// depends on it. Throws std::system_error. Precondition: the texts are valid descriptors; of
    /// two of one relay for one epoch the last one counts.
    void keep_listed(const directory::Document& document, const std::vector<std::string>& texts);
    /// One descriptor after the other; nullopt if there are none. Throws std::system_error.
    std::optional<std::string> listed(base::Epoch epoch) const;

 private:
    std::filesystem::path folder_;
    std::set<base::Epoch> signed_;
    base::Epoch descriptors_from_;
};

}  // namespace nightjar::relay::authority
