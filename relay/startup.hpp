// What a relay needs before it runs, and what of it a reload replaces: read, checked against one
// another, and only then used. All or nothing.
#pragma once

#include <filesystem>

#include "relay/config.hpp"
#include "relay/document_file.hpp"
#include "relay/exit_policy.hpp"
#include "relay/identity.hpp"
#include "relay/metrics.hpp"

namespace nightjar::relay {

/// All that is read before anything runs.
struct Loaded {
    RelayConfig config;
    Identity identity;
    DocumentFile document_file;
    SignedDocument document;
};
/// Throws node::StartupError. Changes nothing.
Loaded load_all(const std::filesystem::path& config_file, base::Wall now);

/// Throws node::StartupError if this document and this configuration do not fit: the relay is not
/// listed, or with another role, layer or link key; or a lab's setting in a network that is none.
void check_fit(const RelayConfig& config, const Identity& identity,
               const directory::Document& document);

/// The rules, with what the relay itself must never connect to.
ExitPolicy make_exit_policy(const RelayConfig& config, const directory::Document& document);

/// What a relay is that runs by this document. `ours`: it lists the relay, with its keys.
State state_by(const directory::Document& document, bool ours, base::Wall now);

/// Whether the document recommends this program's version, or none at all.
bool version_recommended(const directory::Document& document);

/// How many packets a filter must hold: one key's whole time at the configured rate.
std::uint64_t packets_per_key(const RelayConfig& config, const directory::Parameters& parameters);

inline constexpr const char* program_version = NIGHTJAR_VERSION;

}  // namespace nightjar::relay
