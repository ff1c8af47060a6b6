#include "relay/operation/disclose_command.hpp"

#include <cstdio>

#include "relay/operation/config.hpp"
#include "relay/operation/disclosure.hpp"

namespace nightjar::relay::operation {

DiscloseCommand::DiscloseCommand(CLI::App& app)
    : verb_{app.add_subcommand("disclose",
                               "Show what this relay's operator could hand to anyone now")} {
    verb_->add_option("--config", config_, "Configuration file")->capture_default_str();
    verb_->add_flag("--json", json_, "Print JSON");
}

node::process::ExitCode DiscloseCommand::run() const {
    const auto config = load_config(config_);
    const auto answer = ask_disclosure(config.control);
    if (!answer) {
        throw node::process::NotReady{config.control.string() +
                                      ": no relay answers; start it with `nightjar-relay run`"};
    }
    const auto text = json_ ? std::nullopt : disclosure_text(*answer);
    std::fputs(text ? text->c_str() : (*answer + "\n").c_str(), stdout);
    return node::process::ExitCode::ok;
}

}  // namespace nightjar::relay::operation
