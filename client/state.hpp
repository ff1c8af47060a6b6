// What a client keeps between two runs: which gateway it uses and until when, and the last valid
// document. No key and nothing that an application did is ever written (docs/client.md).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::client {

/// The gateway that a client keeps: whoever could make it change often would, in the end, be its
/// gateway.
struct GatewayChoice {
    base::NodeId gateway;
    base::Wall until{};
    bool operator==(const GatewayChoice&) const = default;
};

inline constexpr base::Seconds gateway_kept_min{30 * 86400};
inline constexpr base::Seconds gateway_kept_max{60 * 86400};

/// The kept one while its time lasts and the document still lists it; else a new one, by capacity,
/// among gateways that leave an exit to use. Nothing if there is none. Pure.
std::optional<GatewayChoice> choose_gateway(const std::optional<GatewayChoice>& kept,
                                            const directory::Document& document, base::Wall now,
                                            base::Random& random);

/// The directory of the state; made with mode 0700 where there is none.
class StateDir {
 public:
    /// Throws node::StartupError (exit 5) if it cannot be made or written to.
    explicit StateDir(std::filesystem::path directory);

    /// Nothing if there is none. A file that cannot be read as what it should be counts as none,
    /// with a warning in the log.
    std::optional<GatewayChoice> gateway() const;
    std::optional<std::string> document_text() const;

    /// Whole or not at all; a failure is logged, since the client runs on without. keep() waits for
    /// the disk: before the law runs. keep_document() does not.
    void keep(const GatewayChoice& choice) const;
    void keep_document(std::string_view text) const;

 private:
    std::filesystem::path directory_;
};

}  // namespace nightjar::client
