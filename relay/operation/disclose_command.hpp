// `nightjar-relay disclose`: the command, from its options to what it prints.
#pragma once

#include <string>

#include "sphinx/node/process/command_line.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

class DiscloseCommand {
 public:
    /// `app` must outlive this object, and this object the parsing.
    explicit DiscloseCommand(CLI::App& app);

    bool given() const { return verb_->parsed(); }
    /// Asks the running relay and prints its answer to stdout. Throws node::process::NotReady if no
    /// relay answers, and what load_config() throws.
    node::process::ExitCode run() const;

 private:
    CLI::App* verb_;
    std::string config_ = "relay.yaml";
    bool json_ = false;
};

}  // namespace nightjar::relay::operation
