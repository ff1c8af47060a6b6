#include "relay/authority/signing.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/files/key_file.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::authority {

namespace {

fs::path key_file(const fs::path& folder) {
    return folder / "authority.key";
}

directory::Anchors anchors_of(const directory::Document& document) {
    directory::Anchors anchors;
    anchors.network = document.network;
    for (const auto& [authority, signature] : document.signatures)
        anchors.authorities.push_back(authority);
    anchors.gateways = gateways_of(document);
    return anchors;
}

}  // namespace

std::vector<directory::Anchors::Gateway> gateways_of(const directory::Document& document) {
    std::vector<directory::Anchors::Gateway> gateways;
    for (const auto& relay : document.relays)
        if (relay.role == directory::Role::gateway)
            gateways.push_back({relay.identity, relay.addresses.front(), relay.link_key});
    return gateways;
}

void check_as_a_client(const directory::Document& document, const directory::Anchors& anchors,
                       base::Wall now) {
    const auto again = directory::parse(directory::to_text(document));
    if (!again)
        throw node::process::ConfigError{"the document would not parse: " + again.error().reason};
    const auto when = std::max(now, document.valid_from);
    const auto status = directory::check(*again, anchors, when, document.epoch);
    if (!status)
        throw node::process::ConfigError{"the document would be refused: " +
                                         directory::reason(status.error(), *again)};
}

base::NodeId init(const fs::path& folder) {
    fs::create_directories(folder.has_parent_path() ? folder.parent_path() : ".");
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw std::system_error{errno, std::generic_category(), "cannot make " + folder.string()};
    const auto seed = node::files::new_key();
    node::files::write_key(key_file(folder), node::files::KeyKind::authority, seed);
    return {node::files::ed25519_public(seed)};
}

Signed sign(const std::vector<fs::path>& folders, const fs::path& description, EpochChoice which,
            base::Wall now) {
    Signed made{read_description(description, which, now), {}};
    for (const auto& folder : folders)
        directory::sign(made.document,
                        node::files::read_key(key_file(folder), node::files::KeyKind::authority));
    if (made.document.signatures.size() != folders.size())
        throw node::process::UsageError{"two of the folders hold the same authority's key"};
    made.anchors = anchors_of(made.document);
    try {
        check_as_a_client(made.document, made.anchors, now);
    } catch (const node::process::ConfigError& error) {
        throw node::process::ConfigError{description.string() + ": " + error.what()};
    }
    return made;
}

void write(const Signed& made, const fs::path& folder) {
    fs::create_directories(folder);
    node::files::replace_file(folder / "document", directory::to_text(made.document),
                              node::files::Durability::disk);
    node::config::save_anchors(folder / "network.yaml", made.anchors);
}

}  // namespace nightjar::relay::authority
