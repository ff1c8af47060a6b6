// What the commands of nightjar-relay print with --json, besides `status` and `doctor`. One line
// each, without the line feed; docs/schemas has the schema of each. Pure.
#pragma once

#include <string>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

std::string version_json();
/// `error`: the one line for the operator; empty if `run` would start.
std::string check_json(const std::string& config_file, node::process::ExitCode code,
                       const std::string& error);
std::string confirm_clock_json(bool confirmed);

}  // namespace nightjar::relay::operation
