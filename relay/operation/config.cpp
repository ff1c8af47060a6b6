#include "relay/operation/config.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <functional>

#include "relay/metrics/declarations.hpp"
#include "relay/operation/capacity.hpp"
#include "sphinx/base/host_name.hpp"
#include "sphinx/directory/country.hpp"
#include "sphinx/directory/relay_fields.hpp"
#include "sphinx/node/config/strict_yaml.hpp"

namespace nightjar::relay::operation {

namespace fs = std::filesystem;
using directory::Endpoint;
using node::config::YamlMap;
using node::config::YamlValue;

namespace {

constexpr std::size_t addresses_max = 8;
constexpr std::size_t rules_max = 200;
constexpr std::size_t servers_max = 4;
constexpr std::size_t networks_max = 16;

bool is_name(const std::string& text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), allowed);
}

base::IpEndpoint to_ip_endpoint(const Endpoint& endpoint) {
    // The host of an Endpoint is a canonical literal address: strict_yaml has checked that.
    return {base::IpAddress::parse(endpoint.host).value(), endpoint.port};
}

void read_role(YamlMap& map, RelayConfig& config) {
    using directory::Role;
    config.role =
        map.word<Role>("role", {{"mix", Role::mix}, {"gateway", Role::gateway}}, config.role);
    const bool mix = config.role == Role::mix;
    const auto layer = map.optional<std::uint32_t>("layer", mix ? 1 : 0, {0, 3});
    if (mix && layer == 0) map.fail("layer", "a mix is in layer 1, 2 or 3", "give `layer: 1`");
    if (!mix && layer != 0) {
        map.fail("layer", "a gateway is in no layer", "remove it, or use `role: mix`");
    }
    config.layer = static_cast<std::uint8_t>(layer);
}

/// "wren.example.net:9001". nullopt: another text.
std::optional<NamedEndpoint> parse_named(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = std::string{text.substr(0, colon)};
    if (!base::is_host_name(host)) return std::nullopt;
    if (host.back() == '.') host.pop_back();
    std::ranges::transform(host, host.begin(), [](unsigned char c) { return std::tolower(c); });
    NamedEndpoint named{std::move(host), 0};
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + colon + 1, end, named.port);
    if (read.ec != std::errc{} || read.ptr != end || named.port == 0) return std::nullopt;
    return named;
}

/// Takes the items of `announce` that are names out of the list; the others are addresses.
void read_announced(YamlMap& map, RelayConfig& config) {
    const auto value = map.find("announce");
    if (!value) return;
    for (const auto& item : value->list()) {
        const auto named = parse_named(item.as<std::string>());
        auto endpoint = named ? Endpoint{} : item.as<Endpoint>();
        const bool twice = named ? std::ranges::count(config.announce_names, *named) > 0
                                 : std::ranges::count(config.announce, endpoint) > 0;
        if (twice) value->fail("an address is listed twice", "list each address once");
        if (named)
            config.announce_names.push_back(*named);
        else
            config.announce.push_back(std::move(endpoint));
    }
    if (config.announce.size() + config.announce_names.size() > addresses_max)
        value->fail("too many addresses", "give at most 8");
}

std::vector<Endpoint> read_addresses(YamlMap& map, const char* key,
                                     const std::vector<Endpoint>& fallback) {
    const auto value = map.find(key);
    if (!value) return fallback;
    auto endpoints = value->as<std::vector<Endpoint>>();
    if (endpoints.size() > addresses_max) value->fail("too many addresses", "give at most 8");
    const std::size_t given = endpoints.size();
    auto sorted = endpoints;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    if (sorted.size() != given) value->fail("an address is listed twice", "list each address once");
    return endpoints;
}

void read_addresses(YamlMap& map, RelayConfig& config) {
    config.listen = read_addresses(map, "listen", config.listen);
    if (config.listen.empty()) {
        map.fail("listen", "a relay must listen somewhere", "give at least one IP:PORT");
    }
    read_announced(map, config);
    // The unspecified address means every address of this machine, and no other machine can dial
    // it.
    const auto unspecified = [](const Endpoint& endpoint) {
        return endpoint.host == "0.0.0.0" || endpoint.host == "::";
    };
    const auto announced = config.announced();
    if (std::any_of(announced.begin(), announced.end(), unspecified)) {
        map.fail(config.announce.empty() ? "listen" : "announce",
                 "others cannot reach a relay at 0.0.0.0 or [::]",
                 "add `announce` with the addresses that they can reach");
    }
}

/// What the descriptor says of the relay beside its addresses.
void read_claims(YamlMap& map, RelayConfig& config) {
    if (map.find("capacity"))
        config.capacity = map.optional<std::uint32_t>("capacity", 1, {1, directory::capacity_max});
    if (const auto value = map.find("traffic_month")) {
        config.traffic_month = parse_traffic(value->as<std::string>());
        if (!config.traffic_month)
            value->fail("not an amount of traffic", "write it like `2 TB` or `1500 GB`");
    }
    config.country = map.optional<std::string>("country", {});
    if (!config.country.empty() && !directory::is_country(config.country))
        map.fail("country", "not a country's code",
                 "write the two letters of ISO 3166-1, in lower case: `country: nl`");
}

void read_paths(const fs::path& folder, YamlMap& map, RelayConfig& config) {
    const auto path = [&](const char* key, const fs::path& fallback) {
        const auto value = map.find(key);
        const auto text = value ? value->as<std::string>() : fallback.string();
        if (text.empty()) value->fail("an empty path", "name a file or directory");
        return (folder / text).lexically_normal();
    };
    config.data_dir = path("data_dir", config.data_dir);
    config.runtime_dir = path("runtime_dir", config.runtime_dir);
    config.network = path("network", config.network);
    config.document = path("document", config.document);
    config.control = config.runtime_dir / "control.sock";
    if (map.find("control")) config.control = path("control", {});
}

/// "192.0.2.0/24" or a single address.
base::IpNetwork read_network(const YamlValue& value) {
    const auto text = value.as<std::string>();
    const auto slash = text.find('/');
    const auto address = base::IpAddress::parse(text.substr(0, slash));
    const auto refuse = [&] { value.fail("not an address or network", "write 192.0.2.0/24"); };
    if (!address) refuse();
    if (slash == std::string::npos) return {*address, address->bits()};
    int prefix = -1;
    const auto* begin = text.data() + slash + 1;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(begin, end, prefix);
    if (read.ec != std::errc{} || read.ptr != end || prefix < 0 || prefix > address->bits())
        refuse();
    return {*address, prefix};
}

void read_metrics_listen(const fs::path& folder, const YamlValue& listen, RelayConfig& config) {
    constexpr std::string_view unix_socket = "unix:";
    const auto text = listen.as<std::string>();
    auto& rules = config.metrics_rules;
    if (text == "off") return;
    if (text.starts_with(unix_socket)) {
        if (text.size() == unix_socket.size()) listen.fail("an empty path", "name a file");
        rules.socket = (folder / text.substr(unix_socket.size())).lexically_normal();
        return;
    }
    config.metrics = listen.as<Endpoint>();
    const bool proves = !rules.token_file.empty() || rules.has_tls();
    const bool guarded = proves && !rules.allow.empty();
    if (!to_ip_endpoint(*config.metrics).address.is_loopback() && !guarded) {
        listen.fail(
            "metrics for other machines need `allow`, and `token_file` or `tls_certificate`",
            "add them, or use a loopback address, such as 127.0.0.1:9464, or off");
    }
}

/// The three files of `metrics` for TLS.
void read_metrics_tls(const fs::path& folder, YamlMap& metrics, MetricsRules& rules) {
    const std::pair<const char*, fs::path*> files[] = {{"tls_certificate", &rules.tls_certificate},
                                                       {"tls_key", &rules.tls_key},
                                                       {"tls_clients", &rules.tls_clients}};
    std::size_t given = 0;
    for (const auto& [key, file] : files) {
        const auto value = metrics.find(key);
        if (!value) continue;
        const auto name = value->as<std::string>();
        if (name.empty()) value->fail("an empty path", "name a file");
        *file = (folder / name).lexically_normal();
        ++given;
    }
    if (given != 0 && given != std::size(files))
        metrics.fail(files[0].first, "TLS needs three files",
                     "give `tls_certificate`, `tls_key` and `tls_clients`, or none of them");
}

void read_metrics(const fs::path& folder, YamlMap& map, RelayConfig& config) {
    auto metrics = map.map("metrics");
    auto& rules = config.metrics_rules;
    for (const auto& value : metrics.list("allow")) {
        if (rules.allow.size() == networks_max) value.fail("too many networks", "give at most 16");
        rules.allow.push_back(read_network(value));
    }
    if (const auto file = metrics.find("token_file"))
        rules.token_file = (folder / file->as<std::string>()).lexically_normal();
    read_metrics_tls(folder, metrics, rules);
    if (const auto listen = metrics.find("listen")) read_metrics_listen(folder, *listen, config);
    if (!config.metrics && !(rules.allow.empty() && rules.token_file.empty() && !rules.has_tls()))
        map.fail("metrics", "`allow`, `token_file` and `tls_certificate` are for a port",
                 "give `listen: IP:PORT`");
    rules.window = metrics.optional<base::Seconds>("window", rules.window,
                                                   {base::Seconds{1}, metrics::window_most});
    rules.exact = metrics.optional<bool>("exact", rules.exact);
    metrics.done();
}

void read_exit(YamlMap& map, RelayConfig& config) {
    auto exit = map.map("exit");
    for (const auto& value : exit.list("policy")) {
        if (config.exit_rules.size() == rules_max) value.fail("too many rules", "give at most 200");
        auto rule = core::ExitRule::parse(value.as<std::string>());
        if (!rule) value.fail(rule.error(), "write it like `accept *:443`");
        config.exit_rules.push_back(std::move(*rule));
        config.exit_policy.push_back(value.as<std::string>());
    }
    config.exit_allow_loopback = exit.optional<bool>("allow_loopback", false);
    auto dns = exit.map("dns");
    for (const auto& value : dns.list("servers")) {
        if (config.dns_servers.size() == servers_max)
            value.fail("too many servers", "give at most 4");
        config.dns_servers.push_back(to_ip_endpoint(value.as<Endpoint>()));
    }
    dns.done();
    exit.done();
    if (config.is_exit() && config.role != directory::Role::gateway) {
        map.fail("exit", "only a gateway can be an exit", "use `role: gateway`, or remove `exit`");
    }
    if (config.is_exit() && policy_summary(config.exit_rules).empty()) {
        map.fail("exit", "the policy accepts nothing",
                 "add an accept rule, or remove `exit` if this relay is not an exit");
    }
}

RelayConfig read(const fs::path& file, YamlMap map) {
    RelayConfig config;
    config.name = map.optional<std::string>("name", config.name);
    if (!is_name(config.name)) {
        map.fail("name", "not a name", "use 1 to 32 of a to z, 0 to 9 and -");
    }
    read_role(map, config);
    read_addresses(map, config);
    read_claims(map, config);
    read_paths(file.parent_path(), map, config);
    if (map.find("packets_per_second"))
        config.packets_per_second =
            map.optional<std::uint32_t>("packets_per_second", 1, {1, 1'000'000});
    config.workers = map.optional<std::uint32_t>("workers", config.workers, {1, 64});
    if (map.find("clients_max"))
        config.clients_max = map.optional<std::uint32_t>("clients_max", 1, {1, 100'000});
    if (config.clients_max && config.role != directory::Role::gateway)
        map.fail("clients_max", "only a gateway has clients", "use `role: gateway`, or remove it");
    read_metrics(file.parent_path(), map, config);
    read_exit(map, config);
    auto lab = map.map("lab");
    config.lab_drop_share = lab.optional<double>("drop_share", 0.0, {0.0, 1.0});
    lab.done();
    map.done();
    return config;
}

std::string list_text(const std::vector<std::string>& items) {
    std::string text = "[";
    for (const auto& item : items) {
        if (text.size() > 1) text += ", ";
        text += "\"" + item + "\"";
    }
    return text + "]";
}

std::string endpoints_text(const std::vector<Endpoint>& endpoints) {
    std::vector<std::string> items;
    for (const auto& endpoint : endpoints)
        items.push_back(directory::to_text(endpoint));
    return list_text(items);
}

std::string servers_text(const std::vector<base::IpEndpoint>& servers) {
    std::vector<std::string> items;
    for (const auto& server : servers)
        items.push_back(directory::to_text(Endpoint{server.address.to_text(), server.port}));
    return list_text(items);
}

}  // namespace

std::vector<Endpoint> RelayConfig::announced() const {
    if (announce.empty() && announce_names.empty()) return listen;
    auto all = announce;
    for (const auto& found : announce_found)
        if (std::ranges::count(all, found) == 0) all.push_back(found);
    return all;
}

RelayConfig load_config(const fs::path& file) {
    return read(file, node::config::YamlFile::load(file).map());
}

RelayConfig parse_config(const fs::path& file, std::string_view text) {
    return read(file, node::config::YamlFile::parse(file.string(), text).map());
}

std::string sample_config(const RelayConfig& config) {
    const bool mix = config.role == directory::Role::mix;
    const auto quoted = [](const fs::path& path) { return "\"" + path.string() + "\"\n"; };
    std::string text =
        "# A Nightjar relay (docs/operating.md). Paths are relative to this folder.\n";
    text += "name: " + config.name + "\n";
    text += std::string{"role: "} + (mix ? "mix" : "gateway") + "\n";
    if (mix) text += "layer: " + std::to_string(config.layer) + "\n";
    text += "listen: " + endpoints_text(config.listen) + "\n";
    if (!config.announce.empty()) {
        text += "announce: " + endpoints_text(config.announce) +
                "  # addresses that others connect to\n";
    }
    text += "data_dir: " + quoted(config.data_dir);
    text += "runtime_dir: " + quoted(config.runtime_dir);
    text += "network: " + quoted(config.network);
    text += "document: " + quoted(config.document);
    if (config.packets_per_second)
        text += "packets_per_second: " + std::to_string(*config.packets_per_second) +
                "  # expected load, for which the replay filters are made\n";
    if (config.capacity)
        text += "capacity: " + std::to_string(*config.capacity) +
                "  # packets a second that it offers at most\n";
    if (!config.country.empty())
        text +=
            "country: \"" + config.country + "\"  # everyone sees it; clients may choose by it\n";
    text += "workers: " + std::to_string(config.workers) + "\n";
    const auto metrics = config.metrics ? directory::to_text(*config.metrics) : "off";
    text += "metrics: {listen: \"" + metrics + "\"}\n";
    if (mix) return text;
    text += "exit:\n  policy: " + list_text(config.exit_policy) + "  # [] means not an exit\n";
    text += "  dns: {servers: " + servers_text(config.dns_servers) +
            "}  # [] means the system's servers\n";
    if (config.exit_allow_loopback) text += "  allow_loopback: true  # lab networks only\n";
    return text;
}

std::vector<std::string> needs_restart(const RelayConfig& old, const RelayConfig& changed) {
    std::vector<std::string> keys;
    const auto note = [&](const char* key, bool differs) {
        if (differs) keys.emplace_back(key);
    };
    note("name", old.name != changed.name);
    note("role", old.role != changed.role);
    note("layer", old.layer != changed.layer);
    note("listen", old.listen != changed.listen);
    note("announce",
         old.announce != changed.announce || old.announce_names != changed.announce_names);
    note("data_dir", old.data_dir != changed.data_dir);
    note("runtime_dir", old.runtime_dir != changed.runtime_dir);
    note("network", old.network != changed.network);
    note("document (its folder)", old.document.parent_path() != changed.document.parent_path());
    note("control", old.control != changed.control);
    note("packets_per_second", old.packets_per_second != changed.packets_per_second);
    note("capacity", old.capacity != changed.capacity);
    note("traffic_month", old.traffic_month != changed.traffic_month);
    note("country", old.country != changed.country);
    note("workers", old.workers != changed.workers);
    note("clients_max", old.clients_max != changed.clients_max);
    note("metrics.listen", old.metrics != changed.metrics);
    note("metrics (other keys)", old.metrics_rules != changed.metrics_rules);
    note("exit (on or off)", old.is_exit() != changed.is_exit());
    note("lab.drop_share", old.lab_drop_share != changed.lab_drop_share);
    return keys;
}

}  // namespace nightjar::relay::operation
