#include "client/operation/prepare_process.hpp"

#include <sodium.h>

#include <stdexcept>

#include "client/operation/state.hpp"
#include "sphinx/node/config/evidence.hpp"
#include "sphinx/node/process/process.hpp"
#include "sphinx/node/process/sandbox.hpp"
#include "sphinx/node/process/scheduling.hpp"

namespace nightjar::client::operation {

void prepare_process(const Config& config) {
    if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
    node::process::harden_process();
    node::process::raise_descriptor_limit();
    node::process::take_short_slices();
    const StateDir created{config.state_dir};  // the sandbox lists folders that exist
    const node::config::Evidence its_folder{created.evidence_folder()};  // and lets none be made
    const auto folder = [](const std::filesystem::path& file) {
        return std::filesystem::absolute(file).parent_path();
    };
    node::process::SandboxOptions files;
    files.read = {folder(config.network),
                  std::filesystem::weakly_canonical(config.network).parent_path()};
    files.write = {config.state_dir, folder(config.control_socket)};
    for (const auto& listener : config.listeners)
        if (!listener.path.empty()) files.write.push_back(folder(listener.path));
    node::process::enter_sandbox(files);
}

}  // namespace nightjar::client::operation
