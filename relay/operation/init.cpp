#include "relay/operation/init.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <ostream>

#include "relay/keys/epoch_keys.hpp"
#include "relay/keys/identity.hpp"
#include "relay/operation/self_test.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::relay::operation {

namespace fs = std::filesystem;

namespace {

/// A first figure for the descriptor. `run` measures for longer, and corrects it.
constexpr base::Milliseconds rough_burst{5};

void make_folder(const fs::path& folder) {
    if (!folder.parent_path().empty()) {
        std::error_code ignored;  // the mkdir below reports the error
        fs::create_directories(folder.parent_path(), ignored);
    }
    if (::mkdir(folder.c_str(), 0700) == 0) return;
    if (errno == EEXIST && fs::is_directory(folder)) return;
    throw node::process::KeyError{folder.string() +
                                  ": the folder cannot be made: " + std::strerror(errno)};
}

void refuse_existing(const fs::path& file) {
    if (!fs::exists(fs::symlink_status(file))) return;
    throw node::process::StartupError{
        node::process::ExitCode::failure,
        file.string() +
            ": exists already; init only creates new relays, so move the old "
            "one away or name another folder"};
}

}  // namespace

void init_relay(const InitOptions& options, const node::process::ClockReading& now,
                std::ostream& out) {
    const auto file = options.folder / "relay.yaml";
    const auto text = sample_config(options.config);
    // Check all options before creating anything.
    const auto config = parse_config(file, text);
    refuse_existing(file);
    refuse_existing(config.data_dir / "identity.key");
    refuse_existing(config.data_dir / "link.key");
    directory::Document document;  // there is none yet
    auto& law = document.parameters;
    law.epoch_length = options.epoch_length;
    if (fs::exists(config.network))
        law.epoch_length =
            node::config::load_anchors_file(config.network).epoch_length.value_or(law.epoch_length);
    // The runtime directory may be inside this folder, so create the folder first.
    make_folder(options.folder);
    keys::KeyStore store{config.runtime_dir, law.epoch_length, packets_per_key(config, document)};
    make_folder(config.data_dir);
    const auto identity = keys::Identity::create(config.data_dir);
    own_self_test(rough_burst);
    core::Keyring keyring{law.epoch_length, law.key_grace()};
    keys::EpochKeys keys{store,           keyring,         identity, describe(config, identity),
                         config.data_dir, law.epoch_length};
    keys.maintain({now.wall, now.boot});
    node::files::replace_file(file, text, node::files::Durability::disk);
    if (options.json) {
        out << nlohmann::ordered_json{{"identity", base::to_hex(identity.id.bytes)},
                                      {"config", file.string()},
                                      {"descriptor", (config.data_dir / "descriptor").string()},
                                      {"network", config.network.string()},
                                      {"document", config.document.string()}}
            << '\n';
        return;
    }
    out << "identity " << base::to_hex(identity.id.bytes) << "  (for `nightjar-authority admit`)\n"
        << "made " << file.string() << "\n"
        << "made " << (config.data_dir / "descriptor").string()
        << "  (for the authorities to sign)\n"
        << "next: put the trust anchors at " << config.network.string()
        << "; if they name no service, also the signed document at " << config.document.string()
        << "\n";
}

}  // namespace nightjar::relay::operation
