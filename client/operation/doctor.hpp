// `nightjar doctor`: looks at what a client needs of its machine, and says how to mend what is
// wrong (docs/client.md, "Doctor"). It works whether a client runs or not. It changes nothing.
// While no client runs it connects once to each address of one gateway; it sends nothing else.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "client/operation/config.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client::operation {

struct Finding {
    enum class State : std::uint8_t { ok, warning, bad };
    std::string name;
    State state = State::ok;
    std::string seen;
    std::string mend;  // one line; empty if there is nothing to mend
};

/// Each looks at one thing. Blocking; none throws.
Finding look_at_clock(const Config& config);
/// What the choice of a country costs. nullopt if none is chosen or no document is kept.
std::optional<Finding> look_at_exit_country(const Config& config);
Finding look_at_gateway(const Config& config, bool client_runs);
Finding look_at_descriptors(const Config& config);
Finding look_at_files(const Config& config, const std::filesystem::path& config_file);
Finding look_at_disk(const Config& config);
/// One finding for each listener. `client_runs`: the ports are its own.
std::vector<Finding> look_at_listeners(const Config& config, bool client_runs);
/// What a running client says of itself. Not ok if none runs.
Finding look_at_client(const Config& config, bool& runs);

/// The process of this machine that listens on the TCP port, as far as this user may see it:
/// "python3 (PID 17)".
std::optional<std::string> listener_of(std::uint16_t port);

/// Prints all findings, as lines or as one JSON object. Returns ExitCode::failure if one is bad.
node::process::ExitCode run_doctor(const Config& config, const std::filesystem::path& config_file,
                                   bool json);

}  // namespace nightjar::client::operation
