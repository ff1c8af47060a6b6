// The state directory of an authority that runs as a service, and its configuration:
//
//     authority.yaml    network, authorities, listen, announce, parameters, recommended_versions,
//                       admission, open_per_prefix, open_relays, loops
//     authority.key     signs the documents
//     service.key       the key of its TLS certificate
//     admitted          the relays that it lists (admitted.hpp)
//     network.yaml      the trust anchors, for relays and clients; written again with each document
//     status.html       the network for a browser; written again with each document
//     introduction      of several authorities: for the others (introduction.hpp)
//     documents/, descriptors/, listed/    (archive.hpp)
//     agreement/        of several authorities (core/driver.hpp)
//     evidence/         of several authorities: two documents of one epoch (config/evidence.hpp)
#pragma once

#include <filesystem>
#include <string>

#include "relay/authority/core/open_places.hpp"
#include "relay/authority/terms.hpp"
#include "sphinx/base/secret.hpp"
#include "sphinx/node/config/anchors_file.hpp"

namespace nightjar::relay::authority {

struct Settings {
    Terms terms;
    std::size_t authorities = 1;
    directory::Endpoint listen;
    directory::Endpoint announce;  // what relays connect to; the same as `listen` by default
    core::OpenBounds open;         // `admission: open`
    bool loops = false;            // measures relays by loops; `init` writes that it does
};

/// Reads authority.yaml. Throws ConfigError.
Settings load_settings(const std::filesystem::path& folder);

struct NewNetwork {
    std::string name;
    directory::Endpoint listen;
    std::optional<directory::Endpoint> announce;
    base::Seconds epoch_length{3600};
    bool lab = false;
    std::size_t authorities = 1;
};

/// Writes everything that a new network with one authority needs: the whole state directory. With
/// several, `introduction` instead of `network.yaml`. Throws KeyError if there are keys already,
/// ConfigError if the name is no word.
void init_network(const std::filesystem::path& folder, const NewNetwork& network);

/// The anchors of the network whose only authority has these keys.
node::config::AnchorsFile anchors_of(const Settings& settings, const base::NodeId& authority,
                                     const base::LinkKey& service);

}  // namespace nightjar::relay::authority
