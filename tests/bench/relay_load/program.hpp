// What the programs that load a relay do alike.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>

#include "sphinx/node/process/process.hpp"
#include "tests/bench/relay_load/relay_process.hpp"

namespace nightjar::bench {

/// Reads the options by `parsed`, takes their `nice`, pins this thread to the first core, and
/// prints the JSON of `measure(options)`; it goes into the file `json` as well, if that is named.
/// Returns the exit code: a failure is one line with the program's name.
template <class Parsed, class Measure>
int run_program(const char* name, CLI::App& app, const Parsed& parsed, const Measure& measure) {
    try {
        const auto options = parsed();
        node::process::raise_descriptor_limit();
        if (options.nice != 0) take_priority(options.nice);
        pin_this_thread(0);
        const auto found = measure(options);
        std::printf("%s\n", found.dump(1).c_str());
        if (!options.json.empty()) std::ofstream{options.json} << found.dump(1) << "\n";
        return 0;
    } catch (const CLI::ParseError& error) {
        return app.exit(error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", name, error.what());
        return 1;
    }
}

}  // namespace nightjar::bench
