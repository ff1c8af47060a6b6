// CLI11 with our exit codes: help and version end with 0, everything wrong on the command line
// with 2. Only main.cpp files include this; CLI11 is slow to compile.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "sphinx/node/exit_code.hpp"

namespace nightjar::node {

/// Parses the arguments. A code: the program ends with it (its text is already printed); nothing:
/// go on.
inline std::optional<ExitCode> parse_command_line(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
    }
}

}  // namespace nightjar::node
