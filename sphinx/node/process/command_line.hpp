// CLI11 with our exit codes: help and version exit with 0, any error on the command line with 2.
// Only main.cpp files include this, because CLI11 is slow to compile.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::process {

/// Parses the arguments. If it returns a code, the text is already printed and the program must
/// exit with that code; nullopt means continue.
inline std::optional<ExitCode> parse_command_line(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
    }
}

}  // namespace nightjar::node::process
