// Which programs the relays of a network say they run, from descriptors that an authority or a
// mirror gave. What it reads may be anyone's. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/operation/manifest.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::operation {

/// The bytes of one file of descriptors: what an authority serves at most.
inline constexpr std::size_t published_size_max = 4 * 1024 * 1024;

/// One or more descriptors, one after the other. Each is checked as parse_descriptor() does. The
/// error is one line for a person.
base::Result<std::vector<directory::Descriptor>, std::string> parse_published(
    std::string_view text);
bool begins_like_published(std::string_view text);

struct RelayBuild {
    enum class Verdict {
        same,     // the manifest has a nightjar-relay with these bytes
        other,    // it has not, and the relay says that it runs the manifest's version
        unknown,  // the relay says another version, or none; or there is no manifest
    };
    std::string name;  // for people; the identity's first digits if the relay has none
    base::NodeId relay;
    base::Epoch epoch;
    std::string version;  // empty: the relay says none
    directory::BuildHash build{};
    Verdict verdict = Verdict::unknown;
};

/// Of several descriptors of a relay the newest counts. Sorted by name, then by identity.
std::vector<RelayBuild> judge_builds(std::vector<directory::Descriptor> descriptors,
                                     const std::optional<Manifest>& manifest);

/// {"relays": […]}, and the manifest's name if one was given.
std::string builds_json(const std::vector<RelayBuild>& relays,
                        const std::optional<std::string>& manifest);
/// A table with a line for each relay, and one that counts them. With line feeds.
std::string builds_text(const std::vector<RelayBuild>& relays);

}  // namespace nightjar::relay::operation
