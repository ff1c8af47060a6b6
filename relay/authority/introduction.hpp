// How authorities that found a network together learn each other's keys and addresses: each gives
// the others a file, which it signs, and each makes the trust anchors from all of them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "relay/authority/settings.hpp"
#include "sphinx/base/result.hpp"

namespace nightjar::relay::authority {

struct Introduction {
    std::string network;
    std::size_t authorities = 0;
    base::ByteArray<32> terms{};  // a hash of all that they must have configured alike
    base::NodeId authority;
    node::config::Service service;
    bool operator==(const Introduction&) const = default;
};

/// Signed with the authority's key.
std::string to_text(const Introduction& introduction, const base::Secret<32>& seed);
/// Strict, and checks the signature.
base::Result<Introduction, directory::ParseError> parse_introduction(std::string_view text);

/// Writes `introduction` anew, as after a change of authority.yaml. Throws ConfigError, KeyError.
void write_introduction(const std::filesystem::path& folder);

/// Writes network.yaml from the introductions of all authorities; this one's may be among them.
/// Returns the network's id. Throws ConfigError: the line says whose introduction does not fit.
base::NetworkId assemble(const std::filesystem::path& folder,
                         const std::vector<std::filesystem::path>& files);

}  // namespace nightjar::relay::authority
