// What a client stores between runs: its gateway, until when it uses it, the exits and mixes that
// it keeps, and the last valid document. It never stores a key, nor anything about what
// applications did (docs/client.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "client/core/guards.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client::operation {

/// The client's gateway. A client keeps it for a long time: an attacker who could make it choose
/// often would in the end get one of its own gateways chosen.
struct GatewayChoice {
    base::NodeId gateway;
    base::Wall until{};
    bool operator==(const GatewayChoice&) const = default;
};

inline constexpr base::Seconds gateway_kept_min{30 * 86400};
inline constexpr base::Seconds gateway_kept_max{60 * 86400};

/// Returns the stored choice until it expires, while the document still lists that gateway.
/// Otherwise draws a new one, weighted by capacity, among the gateways with which at least one exit
/// can be used. Empty if there is none. Pure.
std::optional<GatewayChoice> choose_gateway(const std::optional<GatewayChoice>& kept,
                                            const directory::Document& document, base::Wall now,
                                            base::Random& random);

/// The state directory. It is created with mode 0700 if it does not exist.
class StateDir {
 public:
    /// Throws node::StartupError (exit code 5) if the directory cannot be created or written to, or
    /// if other users may write to it.
    explicit StateDir(std::filesystem::path directory);

    /// Empty if there is no such file. A malformed file counts as missing and logs a warning.
    std::optional<GatewayChoice> gateway() const;
    std::optional<std::string> document_text() const;
    /// Empty if there is no such file. A damaged one is renamed to `guards.yaml.damaged` and logs a
    /// warning: the client draws new exits and mixes.
    core::GuardState guards() const;

    /// Replace a file atomically. A failure is only logged, because the client can run without the
    /// file. keep() waits for the disk, so call it before the schedule starts. The others do not
    /// wait.
    void keep(const GatewayChoice& choice) const;
    void keep_guards(const core::GuardState& state) const;
    void keep_document(std::string_view text) const;

    /// Where documents are kept that prove a fault of the network's authorities.
    std::filesystem::path evidence_folder() const { return directory_ / "evidence"; }

 private:
    std::filesystem::path directory_;
};

}  // namespace nightjar::client::operation
