// CLI11 with our exit codes: help and version exit with 0, any error on the command line with 2.
// Only main.cpp files include this, because CLI11 is slow to compile.
#pragma once

#include <CLI/CLI.hpp>
#include <cstring>
#include <iostream>
#include <optional>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::process {

/// Writes what `--help` says as lines of fields, which tabs part: manual pages and the completions
/// of shells are made from them (deploy/packaging/commands.py).
///   command NAME DESCRIPTION              NAME is empty for the program itself
///   option NAMES VALUE DESCRIPTION        of the command above; names are parted by commas
///   argument NAME VALUE DESCRIPTION       the same without a dash
inline void write_command_table(const CLI::App& app, std::ostream& out) {
    out << "command\t" << (app.get_parent() == nullptr ? "" : app.get_name()) << '\t'
        << app.get_description() << '\n';
    const CLI::Formatter help;
    for (const auto* option : app.get_options()) {
        const bool argument = option->get_positional();
        out << (argument ? "argument\t" : "option\t") << option->get_name(argument, !argument)
            << '\t' << CLI::detail::trim_copy(help.make_option_opts(option)) << '\t'
            << option->get_description() << '\n';
    }
    for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
        write_command_table(*command, out);
}

/// Parses the arguments. If it returns a code, the text is already printed and the program must
/// exit with that code; nullopt means continue. The single argument --command-table prints the
/// table.
inline std::optional<ExitCode> parse_command_line(CLI::App& app, int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "--command-table") == 0) {
        write_command_table(app, std::cout);
        return ExitCode::ok;
    }
    try {
        app.parse(argc, argv);
        return std::nullopt;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? ExitCode::ok : ExitCode::usage;
    }
}

}  // namespace nightjar::node::process
