// Networks for tests: a complete signed network with its secrets, and random documents.
#pragma once

#include <string>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/directory/quorum.hpp"

namespace nightjar::test {

struct NetworkShape {
    unsigned layers = 3;
    unsigned mixes_per_layer = 2;
    unsigned gateways = 2;  // every one an exit
    unsigned authorities = 1;
};

struct SignedNetwork {
    directory::Document document;  // signed by all authorities, without any problem
    directory::Anchors anchors;
    std::vector<base::Secret<32>> authorities;  // their seeds
};

/// A relay that can be listed: random keys, no operator, no family.
directory::Relay random_relay(base::Random& random, std::uint8_t layer);

/// The same seed gives the same network. Mixes of layer k are named mix-k-i, gateways gateway-i.
SignedNetwork make_network(std::uint64_t seed, NetworkShape shape = {});

/// The relay of that name. Precondition: there is one.
directory::Relay& named(directory::Document& document, const std::string& name);

/// A random document that parses. Most of them break rules that an authority checks.
directory::Document random_document(base::Random& random);

}  // namespace nightjar::test
