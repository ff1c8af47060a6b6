// Proof against a network's authorities: two documents of one epoch that differ, each with enough
// signatures. They are files in a folder `evidence` of a program's state. Nothing replaces or
// removes them:
//
//     document.EPOCH.HASH      HASH: 16 bytes of BLAKE2b-256 of the text, in hexadecimal
//
// Everyone can check them with `nightjar-authority verify`. One thread; one process.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "sphinx/directory/document.hpp"

namespace nightjar::node::config {

class Evidence {
 public:
    static constexpr std::size_t documents_max = 16;  // a document has 1 MiB at most

    /// Creates the folder (mode 0700) if that is possible: a process in its sandbox cannot do it
    /// later. Reads the names of the files that are there. Never throws: a program goes on without
    /// its evidence.
    explicit Evidence(std::filesystem::path folder);

    /// Call it whenever a valid document comes. If the two conflict (directory::conflict), keeps
    /// both, waits for the disk, and returns an alarm for the log. The same alarm is returned once.
    /// Precondition: both have enough good signatures of the network's authorities.
    std::optional<std::string> compare(const directory::Document& held,
                                       const directory::Document& other);

    /// True for a name that this class gives.
    static bool is_name(const std::string& file);

    /// For status and metrics.
    struct Facts {
        std::size_t documents = 0;         // in the folder
        std::optional<base::Epoch> epoch;  // of the newest conflict, kept or not
        std::filesystem::path folder;
    };
    const Facts& facts() const { return facts_; }

 private:
    void keep(const directory::Document& document);

    std::set<std::string> names_;  // at most documents_max
    std::string said_;
    Facts facts_;
};

}  // namespace nightjar::node::config
