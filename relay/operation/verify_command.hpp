// `nightjar-relay verify-build`: the command, from its options to what it prints.
#pragma once

#include <string>

#include "sphinx/node/process/command_line.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

class VerifyCommand {
 public:
    /// `app` must outlive this object, and this object the parsing.
    explicit VerifyCommand(CLI::App& app);

    bool given() const { return verb_->parsed(); }
    /// Prints the hash of this program, or the one that a descriptor names, and whether the
    /// manifest has it. Returns failure if not. Of many descriptors it prints a table, and returns
    /// failure if one of the relays has another build than the manifest. Throws
    /// node::process::ConfigError for a file that cannot be read or parsed, and what own_build()
    /// throws.
    node::process::ExitCode run() const;

 private:
    node::process::ExitCode run_over_many() const;

    CLI::App* verb_;
    std::string manifest_;     // empty: none was given
    std::string descriptor_;   // empty: this program
    std::string descriptors_;  // empty: no file or folder of several
    bool json_ = false;
};

}  // namespace nightjar::relay::operation
