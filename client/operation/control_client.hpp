// The client end of the control socket. `nightjar status` and `nightjar ping` use it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client::operation {

struct StatusOptions {
    bool json = false;
    bool cost = false;
    bool watch = false;  // print it once a second, until a signal ends the program
    std::string page;    // write a page to this file; "-": to stdout
};

/// Shows the running client's state. Returns ExitCode::not_ready if the client is not ready. Throws
/// node::StartupError (exit code 1) if no client answers or the page cannot be written.
node::process::ExitCode show_status(const std::filesystem::path& socket,
                                    const StatusOptions& options);

/// Asks for a new identity and says what comes of it; as JSON, the answer alone. Returns
/// ExitCode::failure if there is no place for one.
node::process::ExitCode new_identity(const std::filesystem::path& socket, bool json);

/// What `nightjar listen` opens.
struct ListenOptions {
    std::string way = "proxy";
    std::string address;
    std::vector<std::string> isolate;  // empty: as in client.yaml without `isolate`
    std::string users;                 // empty: its own
    std::string map;                   // empty: none
    bool extended_errors = false;
    bool json = false;
};

/// Opens a listener in the running client and prints its address; as JSON, the answer. Returns
/// ExitCode::failure if the client refuses it.
node::process::ExitCode open_listener(const std::filesystem::path& socket,
                                      const ListenOptions& options);
/// Closes the one that was opened in this way at `options.address`, and prints nothing; as JSON,
/// the answer.
node::process::ExitCode close_listener(const std::filesystem::path& socket,
                                       const ListenOptions& options);

/// Sends `count` pings one after the other and prints each one's round trip and route. Returns
/// ExitCode::failure if any of them gets no answer.
node::process::ExitCode ping(const std::filesystem::path& socket, unsigned count, bool json);

}  // namespace nightjar::client::operation
