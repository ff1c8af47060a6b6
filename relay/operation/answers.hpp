// What the commands of nightjar-relay print with --json, besides `status` and `doctor`. One line
// each, without the line feed; docs/schemas has the schema of each. Pure.
#pragma once

#include <optional>
#include <string>

#include "sphinx/directory/descriptor.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

std::string version_json();
/// `error`: the one line for the operator; empty if `run` would start.
std::string check_json(const std::string& config_file, node::process::ExitCode code,
                       const std::string& error);
std::string confirm_clock_json(bool confirmed);

/// What `verify-build` found.
struct BuildAnswer {
    std::string subject;  // a program and its version, or a relay, by its descriptor
    directory::BuildHash hash{};
    std::optional<std::string> manifest;  // the file; nullopt: none was given
    std::optional<std::string> path;      // the entry with this hash; nullopt: none has it
};
std::string build_json(const BuildAnswer& answer);
/// For people, with line feeds.
std::string build_text(const BuildAnswer& answer);

}  // namespace nightjar::relay::operation
