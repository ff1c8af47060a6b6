// The exit codes of all our programs, and the start-up exceptions that lead to them. A message is
// one line: "what is wrong; how to fix it".
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nightjar::node::process {

enum class ExitCode : int {
    ok = 0,
    failure = 1,
    usage = 2,              // an error on the command line
    config = 3,             // an invalid configuration or document
    not_ready = 4,          // not ready in time
    key_or_permission = 5,  // a key file, directory or port that we must not use
};

/// Thrown at start-up; carries the exit code of the process.
class StartupError : public std::runtime_error {
 public:
    StartupError(ExitCode code, const std::string& line) : std::runtime_error{line}, code_{code} {}
    ExitCode code() const { return code_; }

 private:
    ExitCode code_;
};

struct UsageError : StartupError {
    explicit UsageError(const std::string& line) : StartupError{ExitCode::usage, line} {}
};
struct ConfigError : StartupError {
    explicit ConfigError(const std::string& line) : StartupError{ExitCode::config, line} {}
};
struct NotReady : StartupError {
    explicit NotReady(const std::string& line) : StartupError{ExitCode::not_ready, line} {}
};
struct KeyError : StartupError {
    explicit KeyError(const std::string& line) : StartupError{ExitCode::key_or_permission, line} {}
};

/// Runs a whole program and returns what `body` returns. If `body` throws, prints one line to
/// stderr, "PROGRAM: message", and returns the exception's code. A std::system_error with
/// "permission denied" gives key_or_permission; every other exception gives failure.
int run_main(std::string_view program, const std::function<ExitCode()>& body) noexcept;

}  // namespace nightjar::node::process
