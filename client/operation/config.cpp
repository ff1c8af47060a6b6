#include "client/operation/config.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "client/operation/listener_config.hpp"
#include "sphinx/directory/country.hpp"
#include "sphinx/node/config/anchors_file.hpp"
#include "sphinx/node/config/strict_yaml.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::client::operation {

namespace fs = std::filesystem;

namespace {

std::string config_text(const directory::Endpoint& listen) {
    return "# nightjar's client. Every key has a default; paths are relative to this directory.\n"
           "\n"
           "# Trust anchors: the authorities' keys and a few gateways.\n"
           "network: network.yaml\n"
           "\n"
           "# SOCKS5 and HTTP CONNECT for applications. An address that is not loopback needs "
           "allow_remote: true.\n"
           "listen: \"" +
           directory::to_text(listen) +
           "\"\n"
           "allow_remote: false\n"
           "\n"
           "# Say \"connected\" before the exit has connected: web (ports 80 and 443), always, "
           "never.\n"
           "early_success: web\n"
           "\n"
           "# The chosen gateway and the last valid document; no keys, no data of applications.\n"
           "state_dir: state\n"
           "\n"
           "# `nightjar status` and `nightjar ping` connect to this socket.\n"
           "control_socket: control.sock\n"
           "\n"
           "# Exit with code 4 if the network has not answered this long after the start; 0s: "
           "never.\n"
           "ready_timeout: 2m\n";
}

void write_new(const fs::path& file, const std::string& text) {
    std::ofstream out{file, std::ios::binary};
    out << text;
    out.close();
    if (!out) {
        throw node::process::KeyError("cannot write " + file.string() +
                                      "; choose a directory that this user owns with --dir");
    }
}

using protocol::ListenerOptions;

/// The list `listeners`, or the one line `listen`, which is the short form of a list of one.
void read_listeners(node::config::YamlMap& map, const fs::path& base, Config& config) {
    const bool listed = map.find("listeners").has_value();
    if (listed && map.find("listen"))
        map.fail("listen", "`listeners` is there too", "move this address into the list");
    if (listed) {
        config.listeners_key = "listeners";
        const auto items = map.list("listeners");
        if (items.empty() || items.size() > listeners_max)
            map.fail("listeners", "no listener, or too many",
                     "list 1 to " + std::to_string(listeners_max));
        for (const auto& item : items)
            config.listeners.push_back(read_listener(item.map(), base));
        const auto maps = std::ranges::count_if(
            config.listeners, [](const auto& listener) { return listener.map.has_value(); });
        if (maps > 1) map.fail("listeners", "more than one `map`", "keep one");
        if (config.listeners.front().way != ListenerOptions::Way::proxy)
            items.front().fail("the first listener is not a proxy", "begin the list with `proxy`");
    } else {
        const node::config::ListenEndpoint usual{{"127.0.0.1", 9150}};
        config.listeners = {{.endpoint = map.optional("listen", usual)}};
    }
    config.allow_remote = map.optional<bool>("allow_remote", false);
    for (const auto& listener : config.listeners) {
        if (!config.allow_remote && is_remote(listener)) {
            map.fail(config.listeners_key, "anyone who reaches this address could use the client",
                     "use 127.0.0.1 or [::1], or set allow_remote: true");
        }
    }
}

/// Loopback only: the metrics say when this machine's user is connected.
void read_metrics(node::config::YamlMap& map, Config& config) {
    auto metrics = map.map("metrics");
    if (const auto listen = metrics.find("listen"); listen && listen->as<std::string>() != "off") {
        config.metrics = listen->as<directory::Endpoint>();
        if (is_remote({.endpoint = *config.metrics}))
            listen->fail("a client shows its metrics only on this machine",
                         "use 127.0.0.1 or [::1]");
    }
    metrics.done();
}

}  // namespace

Config load_config(const fs::path& file) {
    std::error_code unreadable;
    if (!fs::exists(file, unreadable) && !unreadable) {
        throw node::process::ConfigError(
            file.string() +
            ": there is no configuration; create one with `nightjar init "
            "--network FILE`, or name another with --config");
    }
    const auto yaml = node::config::YamlFile::load(file);
    auto map = yaml.map();
    const auto base = fs::absolute(file).parent_path();
    const auto path = [&](const char* key, const char* fallback) {
        const auto text = map.optional<std::string>(key, fallback);
        if (text.empty()) map.fail(key, "an empty path", "name a file or directory");
        return base / text;
    };
    Config config;
    config.network = path("network", "network.yaml");
    read_listeners(map, base, config);
    using protocol::EarlySuccess;
    config.early_success = map.word<EarlySuccess>("early_success",
                                                  {{"never", EarlySuccess::never},
                                                   {"web", EarlySuccess::web},
                                                   {"always", EarlySuccess::always}},
                                                  EarlySuccess::web);
    config.exit_country = map.optional<std::string>("exit_country", {});
    if (!config.exit_country.empty() && !directory::is_country(config.exit_country))
        map.fail("exit_country", "not a country's code",
                 "write the two letters of ISO 3166-1, in lower case: `exit_country: nl`");
    read_metrics(map, config);
    config.state_dir = path("state_dir", "state");
    config.control_socket = path("control_socket", "control.sock");
    if (const auto value = map.find("control_socket"))
        check_socket_path(*value, config.control_socket);
    config.ready_timeout = map.optional<base::Seconds>("ready_timeout", base::Seconds{120});
    map.done();
    return config;
}

fs::path default_dir() {
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config == '/')
        return fs::path{config} / "nightjar";
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
        return fs::path{home} / ".config" / "nightjar";
    throw node::process::ConfigError(
        "no home directory; name a directory with --dir or a file with --config");
}

void init(const fs::path& dir, const fs::path& network, const directory::Endpoint& listen) {
    const auto anchors = node::config::load_anchors(network);
    std::error_code error;
    fs::create_directories(fs::absolute(dir).parent_path(), error);
    if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
        const auto reason = std::error_code{errno, std::generic_category()}.message();
        throw node::process::KeyError("cannot make " + dir.string() + ": " + reason +
                                      "; choose another directory with --dir");
    }
    for (const char* name : {"network.yaml", "client.yaml"}) {
        if (fs::exists(dir / name)) {
            throw node::process::StartupError(
                node::process::ExitCode::failure,
                (dir / name).string() +
                    " already exists; remove it first, or choose another "
                    "directory with --dir");
        }
    }
    node::config::save_anchors(dir / "network.yaml", anchors);
    write_new(dir / "client.yaml", config_text(listen));
}

}  // namespace nightjar::client::operation
