// What the authority says about the network as a whole: its name, its parameters and the
// recommended versions, from a YAML file (docs/directory.md).
#pragma once

#include <string>
#include <vector>

#include "relay/authority/core/builder.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/node/config/strict_yaml.hpp"

namespace nightjar::relay::authority {

struct Terms {
    std::string network;
    directory::Parameters parameters;
    std::vector<std::string> recommended_versions;
    directory::OptionalLines optional = {};            // sorted
    std::optional<core::ParameterChange> change = {};  // `from_epoch` and `from_epoch_parameters`

    /// The document of an epoch without relays and signatures.
    directory::Document document_of(base::Epoch epoch) const;
};

/// Reads `network`, `parameters`, `recommended_versions`, `optional` and a change. Throws
/// ConfigError.
Terms read_terms(node::config::YamlMap& map);
/// A word, or an empty text. Throws ConfigError.
std::string word_of(const node::config::YamlValue& value);

}  // namespace nightjar::relay::authority
