#include "relay/operation/disclosed_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "relay/keys/stored_filter.hpp"
#include "relay/operation/startup.hpp"
#include "sphinx/node/config/evidence.hpp"

namespace nightjar::relay::operation {

namespace {

using std::filesystem::path;

struct Meaning {
    FileKind kind;
    std::string holds;
};

path plain(const path& file) {
    std::error_code ignored;
    return std::filesystem::absolute(file, ignored).lexically_normal();
}

/// The files that have their names from the configuration or from the program.
std::map<path, Meaning> named_files(const RelayConfig& config, const path& config_file) {
    std::map<path, Meaning> files;
    const auto add = [&](const path& file, FileKind kind, const char* holds) {
        files.emplace(plain(file), Meaning{kind, holds});
    };
    add(config.data_dir / "identity.key", FileKind::long_lived_key,
        "the identity key: signs this relay's descriptors, opens no packet");
    add(config.data_dir / "link.key", FileKind::long_lived_key,
        "the key of the link certificate: proves who this relay is, opens no recorded link");
    add(config.data_dir / "descriptor", FileKind::known_public, "what the authorities publish");
    add(config.data_dir / "descriptor.next", FileKind::known_public,
        "what the authorities publish next");
    add(month_file(config), FileKind::known_public,
        "the sum of this month's published windows: rounded and with noise, as the metrics");
    add(evidence_folder(config), FileKind::known_public,
        "two signed documents of one epoch, if the authorities ever made them");
    add(config_file, FileKind::known_public, "the configuration");
    add(config.network, FileKind::known_public, "the network's trust anchors");
    add(config.document, FileKind::known_public, "the network document");
    add(config.document.string() + ".next", FileKind::known_public, "the next network document");
    add(config.runtime_dir / "lock", FileKind::running, "empty: one process uses the directory");
    add(config.runtime_dir / "clock", FileKind::running, "when the keys here end");
    add(config.runtime_dir / "spare", FileKind::running, "zeros: room for the next replay filter");
    add(config.control, FileKind::running, "the control socket");
    const auto& metrics = config.metrics_rules;
    if (!metrics.socket.empty()) add(metrics.socket, FileKind::running, "the metrics socket");
    if (!metrics.token_file.empty())
        add(metrics.token_file, FileKind::long_lived_key, "the token with which metrics are read");
    if (metrics.has_tls()) {
        add(metrics.tls_key, FileKind::long_lived_key, "the TLS key of the metrics");
        add(metrics.tls_certificate, FileKind::known_public, "the TLS certificate of the metrics");
        add(metrics.tls_clients, FileKind::known_public, "who may read metrics");
    }
    return files;
}

std::optional<base::Epoch> epoch_of(std::string_view stem) {
    const auto dash = stem.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    std::uint32_t epoch = 0;
    const auto* end = stem.data() + stem.size();
    const auto [rest, error] = std::from_chars(stem.data() + dash + 1, end, epoch);
    if (error != std::errc{} || rest != end) return std::nullopt;
    return base::Epoch{epoch};
}

/// A file of the key store: EPOCHLENGTH-EPOCH.extension.
void look_at_epoch_file(DisclosedFile& file) {
    const auto epoch = epoch_of(file.path.stem().string());
    if (!epoch) return;
    const auto extension = file.path.extension().string();
    if (extension == keys::key_extension) {
        file.kind = FileKind::epoch_key;
        file.holds = "the secret mix key of epoch " + std::to_string(epoch->value);
    } else if (extension == keys::growing_extension ||
               std::count(keys::part_extensions.begin(), keys::part_extensions.end(), extension)) {
        file.kind = FileKind::replay_filter;
        file.holds = "bits of the tags of packets seen in epoch " + std::to_string(epoch->value);
    } else {
        return;
    }
    file.epoch = *epoch;
}

DisclosedFile look_at(const path& file, base::Wall now) {
    DisclosedFile found;
    found.path = file;
    found.holds = "unknown file";
    struct stat status {};
    if (::lstat(file.c_str(), &status) != 0) {
        found.holds = "unknown file, and it cannot be examined";
        return found;
    }
    if (S_ISDIR(status.st_mode)) found.holds = "unknown folder";
    if (S_ISLNK(status.st_mode)) found.holds = "unknown link";
    found.size = static_cast<std::uintmax_t>(status.st_size);
    const base::Wall changed{base::Seconds{status.st_mtim.tv_sec}};
    found.age = std::chrono::floor<base::Seconds>(now - changed);
    return found;
}

}  // namespace

std::vector<DisclosedFile> disclosed_files(const RelayConfig& config,
                                           const std::filesystem::path& config_file,
                                           base::Wall now) {
    const auto named = named_files(config, config_file);
    const auto data = plain(config.data_dir);
    const auto runtime = plain(config.runtime_dir);
    std::set<path> paths;
    const auto evidence = plain(evidence_folder(config));
    for (const auto& folder : {data, runtime, evidence}) {
        std::error_code error;
        for (std::filesystem::directory_iterator at{folder, error}, end; !error && at != end;
             at.increment(error))
            paths.insert(plain(at->path()));
    }
    for (const auto& [file, meaning] : named) {
        std::error_code error;
        if (std::filesystem::exists(std::filesystem::symlink_status(file, error)))
            paths.insert(file);
    }
    paths.erase(runtime);  // it is listed by what is in it
    std::vector<DisclosedFile> files;
    for (const auto& file : paths) {
        auto found = look_at(file, now);
        if (const auto its = named.find(file); its != named.end()) {
            found.kind = its->second.kind;
            found.holds = its->second.holds;
        } else if (file.parent_path() == runtime) {
            look_at_epoch_file(found);
        } else if (file.parent_path() == evidence &&
                   node::config::Evidence::is_name(file.filename())) {
            found.kind = FileKind::known_public;
            found.holds = "a signed document that proves a fault of the authorities";
        }
        files.push_back(std::move(found));
    }
    return files;
}

}  // namespace nightjar::relay::operation
