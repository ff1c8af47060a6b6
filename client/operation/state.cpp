#include "client/operation/state.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

#include "client/operation/guard_file.hpp"
#include "sphinx/cell/control.hpp"
#include "sphinx/directory/route.hpp"
#include "sphinx/node/config/strict_yaml.hpp"
#include "sphinx/node/files/atomic_file.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::client::operation {

namespace fs = std::filesystem;

namespace {

constexpr const char* gateway_file = "gateway.yaml";
constexpr const char* document_file = "document.txt";
constexpr const char* guards_file = "guards.yaml";

/// A client runs on without its state, so a failure is a line in the log.
void replace_or_warn(const fs::path& file, std::string_view text,
                     node::files::Durability durability) {
    try {
        node::files::replace_file(file, text, durability, 0600);
    } catch (const std::system_error& error) {
        node::process::log(node::process::Level::warning, error.what());
    }
}

}  // namespace

std::optional<GatewayChoice> choose_gateway(const std::optional<GatewayChoice>& kept,
                                            const directory::Document& document, base::Wall now,
                                            base::Random& random) {
    const auto usable = [&](const directory::Relay& relay) {
        return relay.role == directory::Role::gateway && relay.capacity > 0 &&
               directory::choose_exit(document, relay, random) != nullptr;
    };
    if (kept && now < kept->until) {
        const auto* relay = document.find(kept->gateway);
        if (relay != nullptr && usable(*relay)) return kept;
    }
    std::vector<const directory::Relay*> candidates;
    std::uint64_t total = 0;
    for (const auto& relay : document.relays) {
        if (!usable(relay)) continue;
        candidates.push_back(&relay);
        total += relay.capacity;
    }
    if (candidates.empty()) return std::nullopt;
    std::uint64_t lot = random.below(total);
    const auto* chosen = candidates.back();
    for (const auto* candidate : candidates) {
        if (lot < candidate->capacity) {
            chosen = candidate;
            break;
        }
        lot -= candidate->capacity;
    }
    const auto spread = static_cast<std::uint64_t>((gateway_kept_max - gateway_kept_min).count());
    const base::Seconds kept_for =
        gateway_kept_min + base::Seconds{static_cast<std::int64_t>(random.below(spread))};
    return GatewayChoice{chosen->identity, now + kept_for};
}

StateDir::StateDir(fs::path directory) : directory_{std::move(directory)} {
    std::error_code error;
    fs::create_directories(directory_.parent_path(), error);
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
        const auto reason = std::error_code{errno, std::generic_category()}.message();
        throw node::process::KeyError("cannot make the state directory " + directory_.string() +
                                      ": " + reason +
                                      "; set state_dir to a directory that this user may write to");
    }
    if (!fs::is_directory(directory_) || ::access(directory_.c_str(), R_OK | W_OK | X_OK) != 0) {
        throw node::process::KeyError("cannot write to the state directory " + directory_.string() +
                                      "; set state_dir to a directory that this user owns");
    }
    // A user who can write here can choose this client's gateway.
    const auto others = fs::perms::group_write | fs::perms::others_write;
    if ((fs::status(directory_).permissions() & others) != fs::perms::none) {
        throw node::process::KeyError("other users may write to the state directory " +
                                      directory_.string() + "; run: chmod 700 " +
                                      directory_.string());
    }
}

std::optional<GatewayChoice> StateDir::gateway() const {
    const auto file = directory_ / gateway_file;
    if (!fs::exists(file)) return std::nullopt;
    try {
        const auto yaml = node::config::YamlFile::load(file);
        auto map = yaml.map();
        const GatewayChoice choice{
            map.required<base::NodeId>("gateway"),
            base::Wall{base::Seconds{map.required<std::uint64_t>("until", {0, 253'402'300'799})}}};
        map.done();
        return choice;
    } catch (const node::process::ConfigError& error) {
        node::process::log(node::process::Level::warning,
                           std::string{"choosing a new gateway: "} + error.what());
        return std::nullopt;
    }
}

std::optional<std::string> StateDir::document_text() const {
    const auto file = directory_ / document_file;
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (error) return std::nullopt;
    if (size > cell::document_size_max) {
        node::process::log(node::process::Level::warning,
                           file.string() + " is too large for a document");
        return std::nullopt;
    }
    std::ifstream in{file, std::ios::binary};
    std::string text(size, '\0');
    if (!in.read(text.data(), static_cast<std::streamsize>(size))) return std::nullopt;
    return text;
}

core::GuardState StateDir::guards() const {
    const auto file = directory_ / guards_file;
    std::error_code error;
    if (!fs::exists(fs::symlink_status(file, error))) return {};
    try {
        return load_guards(file);
    } catch (const node::process::ConfigError& damaged) {
        const std::string what = damaged.what();
        const auto aside = file.string() + ".damaged";
        fs::rename(file, aside, error);
        node::process::log(node::process::Level::warning,
                           "drawing new exits and mixes, because the kept ones are damaged: " +
                               what.substr(0, what.find("; ")) + "; " +
                               (error ? "remove the file" : "it is now " + aside));
        return {};
    }
}

void StateDir::keep_guards(const core::GuardState& state) const {
    // The schedule may be running, so do not wait. After a power cut the client draws anew.
    replace_or_warn(directory_ / guards_file, to_text(state), node::files::Durability::rename_only);
}

void StateDir::keep(const GatewayChoice& choice) const {
    replace_or_warn(directory_ / gateway_file,
                    "gateway: " + base::to_hex(choice.gateway.bytes) +
                        "\nuntil: " + std::to_string(base::unix_seconds(choice.until)) + "\n",
                    node::files::Durability::disk);
}

void StateDir::keep_document(std::string_view text) const {
    // The schedule is running, so do not wait. After a power cut a gateway can send it again.
    replace_or_warn(directory_ / document_file, text, node::files::Durability::rename_only);
}

}  // namespace nightjar::client::operation
