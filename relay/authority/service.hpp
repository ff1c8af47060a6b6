// `nightjar-authority run`: an authority as a daemon.
#pragma once

#include <filesystem>

#include "sphinx/base/time.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::authority {

/// Serves HTTPS and signs documents until SIGTERM. Prints "nightjar-authority NETWORK ready
/// IP:PORT". Throws node::process::StartupError.
node::process::ExitCode run_service(const std::filesystem::path& folder);

/// Writes `document`, `document.EPOCH`, `diff.EPOCH`, `descriptors.EPOCH`, each also compressed
/// (`.gz`, `.zst`), `status.html` and `network.yaml` into the folder `out`, for a static web
/// server: what `run` has signed so far and is valid at `now`. Returns the number of documents.
/// Throws ConfigError, std::system_error.
std::size_t publish(const std::filesystem::path& folder, const std::filesystem::path& out,
                    base::Wall now);

}  // namespace nightjar::relay::authority
