#include "client/operation/listener_config.hpp"

#include <sys/un.h>

#include <charconv>

#include "client/protocol/name_map.hpp"
#include "sphinx/base/address.hpp"

namespace nightjar::client::operation {

namespace fs = std::filesystem;
using protocol::ListenerOptions;

namespace {

void read_isolation(node::config::YamlMap& map, ListenerOptions& options) {
    const auto words = map.find("isolate");
    if (!words) return;
    options.by_credentials = options.by_user = options.by_listener = false;
    for (const auto& word : words->list()) {
        const auto text = word.as<std::string>();
        const bool proxy = options.way == ListenerOptions::Way::proxy;
        if (text == "credentials" && proxy) {
            options.by_credentials = true;
        } else if (text == "user" && !options.path.empty()) {
            options.by_user = true;
        } else if (text == "listener") {
            options.by_listener = true;
        } else {
            word.fail(text == "user" ? "only a unix socket knows its users" : "unknown word",
                      "use listener; for a proxy also credentials; for a unix socket also user");
        }
    }
}

/// A range for names: ADDRESS/PREFIX.
base::IpNetwork read_range(const node::config::YamlValue& value) {
    const auto text = value.as<std::string>();
    const auto slash = text.find('/');
    const auto address = base::IpAddress::parse(text.substr(0, slash));
    const auto digits = slash == std::string::npos ? "" : text.substr(slash + 1);
    int prefix = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (!address || address->v6 || read.ec != std::errc{} ||
        read.ptr != digits.data() + digits.size() || prefix < 8 ||
        prefix > protocol::NameMap::prefix_max)
        value.fail("not a range for names",
                   "give an IPv4 range from /8 to /16 that nothing else uses, such as "
                   "198.18.0.0/15");
    const base::IpNetwork range{*address, prefix};
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i)
        number = number << 8 | address->bytes[i];
    if ((number & ((std::uint32_t{1} << (32 - prefix)) - 1)) != 0)
        value.fail("the address has bits behind the prefix", "give the range's first address");
    return range;
}

}  // namespace

void check_socket_path(const node::config::YamlValue& value, const fs::path& path) {
    if (path.string().size() >= sizeof(sockaddr_un::sun_path)) {
        value.fail("the path is too long for a socket",
                   "use a path of at most 107 bytes, including its directories");
    }
    // The kernel would take what is in front of it for the path.
    if (path.string().find('\0') != std::string::npos)
        value.fail("the path has a zero byte", "name a file");
}

ListenerOptions read_listener(node::config::YamlMap map, const fs::path& base) {
    constexpr std::string_view unix_prefix = "unix:";
    ListenerOptions options;
    if (const auto at = map.find("dns")) {
        options.way = ListenerOptions::Way::dns;
        options.endpoint = at->as<node::config::ListenEndpoint>();
        read_isolation(map, options);
        if (const auto range = map.find("map")) options.map = read_range(*range);
        map.done();
        return options;
    }
    if (const auto at = map.find("transparent")) {
        options.way = ListenerOptions::Way::transparent;
        options.endpoint = at->as<node::config::ListenEndpoint>();
        read_isolation(map, options);
        map.done();
        return options;
    }
    const auto at = map.at("proxy");
    if (const auto text = at.as<std::string>(); text.starts_with(unix_prefix)) {
        const auto path = text.substr(unix_prefix.size());
        if (path.empty()) at.fail("an empty path", "name a file behind unix:");
        options.path = (base / path).string();
        check_socket_path(at, options.path);
        options.all_users = map.word<bool>("users", {{"own", false}, {"all", true}}, false);
    } else {
        options.endpoint = at.as<node::config::ListenEndpoint>();
    }
    read_isolation(map, options);
    options.extended_errors = map.optional<bool>("extended_errors", false);
    map.done();
    return options;
}

bool is_remote(const ListenerOptions& listener) {
    const auto& host = listener.endpoint.host;
    return listener.path.empty() && !host.starts_with("127.") && host != "::1";
}

base::Result<ListenerOptions, std::string> listener_of_json(std::string_view object,
                                                            bool allow_remote) {
    try {
        const auto file = node::config::YamlFile::parse("params", object);
        auto options = read_listener(file.map(), {});
        if (!options.path.empty() && !fs::path{options.path}.is_absolute())
            return base::Fail{std::string{"a relative path; give a path that begins with /"}};
        if (!allow_remote && is_remote(options)) {
            return base::Fail{
                std::string{"anyone who reaches this address could use the client; use 127.0.0.1 "
                            "or [::1], or set allow_remote: true in client.yaml"}};
        }
        return options;
    } catch (const node::process::ConfigError& error) {
        return base::Fail{std::string{error.what()}};
    }
}

}  // namespace nightjar::client::operation
