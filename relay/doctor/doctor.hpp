// `nightjar-relay doctor`: looks at a relay, its files, its host and its network, whether the relay
// runs or not. Changes nothing, and sends nothing but one question to each authority until one
// answers, and an exit's to each of its name servers.
#pragma once

#include <filesystem>

#include "relay/doctor/finding.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::doctor {

/// `root`: where /proc and /sys are; "/" but in tests. Blocks the thread for at most
/// 5 s for each authority and each name server.
Findings examine(const std::filesystem::path& config_file, const std::filesystem::path& root = "/");

/// The command: prints the findings. `failure` if one of them is bad. If root calls it, the whole
/// process goes on as the owner of the relay's data folder, and so sees what the relay sees.
node::process::ExitCode run_doctor(const std::filesystem::path& config_file, bool json);

}  // namespace nightjar::relay::doctor
