// `nightjar-authority verify`: what signed documents in files are worth, and which authorities have
// signed two of one epoch. It needs no key, so everyone can run it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sphinx/directory/quorum.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::authority {

struct Examined {
    struct Signer {
        base::NodeId authority;
        bool listed = false;  // among the anchors' authorities
        bool good = false;    // its signature is over this document
    };
    std::string file;
    std::string fault;  // why relays and clients refuse it, whatever their clocks say; empty: valid
    directory::Document document;  // empty if the text is none
    std::vector<Signer> signers;
};

/// Two documents of one epoch that differ, with a good signature of one authority on both.
struct SignedBoth {
    std::size_t first = 0, second = 0;  // places among the documents
    std::vector<base::NodeId> authorities;
};

struct Verdict {
    std::vector<Examined> documents;  // in the order of the files
    std::vector<SignedBoth> conflicts;
};

/// Throws std::system_error if a file cannot be read. A file that is no document has a fault.
Verdict verify(const std::vector<std::filesystem::path>& files, const directory::Anchors& anchors);

std::string to_text(const Verdict& verdict);
std::string to_json(const Verdict& verdict);
/// failure: an authority has signed two documents of one epoch; else config: a document is not
/// valid; else ok.
node::process::ExitCode exit_code(const Verdict& verdict);

}  // namespace nightjar::relay::authority
