// How a program ends: the exit codes that hold for every program of ours, and the exceptions of
// start-up that lead to them. A message is one line: what is wrong; how to mend it.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nightjar::node {

enum class ExitCode : int {
    ok = 0,
    failure = 1,
    usage = 2,              // the command line
    config = 3,             // a configuration or a document that is invalid
    not_ready = 4,          // in time
    key_or_permission = 5,  // a key file, a directory or a port that we may not use
};

/// Thrown at start-up; carries the code that the process ends with.
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

/// Runs the whole of a program and turns what it throws into one line on stderr,
/// "PROGRAM: message", and the code. A std::system_error that says "permission denied" is
/// key_or_permission; every other exception is failure. What `body` returns is returned.
int run_main(std::string_view program, const std::function<ExitCode()>& body) noexcept;

}  // namespace nightjar::node
