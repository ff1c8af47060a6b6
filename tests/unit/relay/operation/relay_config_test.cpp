#include "relay/operation/config.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sphinx/node/process/exit_code.hpp"

using namespace nightjar;
using namespace nightjar::base;
using namespace nightjar::relay::core;
using namespace nightjar::relay::operation;

namespace {

/// The error line for a text. Empty if it is accepted.
std::string refusal(const std::string& text) {
    try {
        parse_config("relay.yaml", text);
        return "";
    } catch (const node::process::ConfigError& error) {
        CHECK(error.code() == node::process::ExitCode::config);
        return error.what();
    }
}

}  // namespace

TEST_CASE("relay config: an empty file is all defaults") {
    const auto config = parse_config("/etc/nightjar/relay.yaml", "");
    CHECK(config.role == directory::Role::mix);
    CHECK(config.layer == 1);
    CHECK(config.listen == std::vector<directory::Endpoint>{{"127.0.0.1", 9001}});
    CHECK(config.announced() == config.listen);
    CHECK(config.runtime_dir == "/run/nightjar-relay");
    CHECK(config.control == "/run/nightjar-relay/control.sock");
    CHECK(config.network == "/etc/nightjar/network.yaml");
    CHECK(!config.metrics);
    CHECK(!config.is_exit());
    CHECK(config.lab_drop_share == 0);
}

TEST_CASE("relay config: every key") {
    const auto config = parse_config("/srv/r/relay.yaml", R"(
name: gw-a
role: gateway
listen: ["127.0.0.1:9001", "[::1]:9001"]
announce: ["192.0.2.1:443"]
data_dir: keys
runtime_dir: /dev/shm/gw-a
network: ../network.yaml
document: /var/lib/document
control: /tmp/control.sock
packets_per_second: 5000
capacity: 3000
traffic_month: 2 TB
country: no
workers: 4
clients_max: 120
metrics: {listen: "127.0.0.1:9464"}
exit:
  policy: ["accept *:80", "accept *:443"]
  allow_loopback: true
  dns: {servers: ["127.0.0.1:5353"]}
lab: {drop_share: 0.01}
)");
    CHECK(config.name == "gw-a");
    CHECK(config.role == directory::Role::gateway);
    CHECK(config.layer == 0);
    CHECK(config.listen.size() == 2);
    CHECK(config.announced() == std::vector<directory::Endpoint>{{"192.0.2.1", 443}});
    CHECK(config.data_dir == "/srv/r/keys");
    CHECK(config.network == "/srv/network.yaml");
    CHECK(config.document == "/var/lib/document");
    CHECK(config.control == "/tmp/control.sock");
    CHECK(config.packets_per_second == 5000);
    CHECK(config.capacity == 3000);
    CHECK(config.traffic_month == 2'000'000'000'000);
    CHECK(config.country == "no");  // a text here, and no truth value
    CHECK(config.workers == 4);
    CHECK(config.clients_max == 120);
    CHECK(config.metrics == directory::Endpoint{"127.0.0.1", 9464});
    CHECK(config.exit_policy.size() == 2);
    CHECK(policy_summary(config.exit_rules) == "accept 80,443");
    CHECK(config.exit_allow_loopback);
    CHECK(config.dns_servers.size() == 1);
    CHECK(config.lab_drop_share == doctest::Approx(0.01));
}

TEST_CASE("relay config: names of `announce` stand for what is found, beside its addresses") {
    const auto config =
        parse_config("/srv/r/relay.yaml",
                     "announce: [\"192.0.2.1:443\", \"Wren.Example.Net.:9001\", \"w:1\"]\n");
    CHECK(config.announce == std::vector<directory::Endpoint>{{"192.0.2.1", 443}});
    CHECK(config.announce_names ==
          std::vector<NamedEndpoint>{{"wren.example.net", 9001}, {"w", 1}});
    auto found = config;
    found.announce_found = {{"192.0.2.1", 443}, {"2001:db8::1", 9001}};
    CHECK(found.announced() ==
          std::vector<directory::Endpoint>{{"192.0.2.1", 443}, {"2001:db8::1", 9001}});
    CHECK(needs_restart(config, found).empty());
    auto other = config;
    other.announce_names.pop_back();
    CHECK(needs_restart(config, other) == std::vector<std::string>{"announce"});
    // A relay that announces by name alone says nothing of where it listens.
    const auto name = parse_config("/srv/r/relay.yaml", "announce: [\"wren.example.net:9001\"]\n");
    CHECK(name.announced().empty());
}

TEST_CASE("relay config: each refusal says where, what and how to mend it") {
    struct Case {
        std::string text;
        std::string where;  // file:line:column
        std::string says;   // part of the line
    };
    for (const auto& c : std::vector<Case>{
             {"layr: 1\n", "relay.yaml:1:1:", "did you mean \"layer\""},
             {"role: mix\nrole: mix\n", "relay.yaml:2:1:", "role"},
             {"role: exit\n", "relay.yaml:1:7:", "mix, gateway"},
             {"role: mix\nlayer: 0\n", "relay.yaml:2:8:", "layer 1, 2 or 3"},
             {"layer: 4\n", "relay.yaml:1:8:", "0 to 3"},
             {"layer: one\n", "relay.yaml:1:8:", "whole number"},
             {"role: gateway\nlayer: 2\n", "relay.yaml:2:8:", "no layer"},
             {"name: Mix A\n", "relay.yaml:1:7:", "a to z"},
             {"name: \"\"\n", "relay.yaml:1:7:", "a to z"},
             {"listen: 127.0.0.1:9001\n", "relay.yaml:1:9:", "list"},
             {"listen: []\n", "relay.yaml:1:9:", "at least one"},
             {"listen: [\"localhost:9001\"]\n", "relay.yaml:1:10:", "literal"},
             {"listen: [\"127.0.0.1:0\"]\n", "relay.yaml:1:10:", "port"},
             {"listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n", "relay.yaml:1:9:", "once"},
             {"announce: [\"wren.example.net\"]\n", "relay.yaml:1:12:", ""},
             {"announce: [\"wren.example.net:0\"]\n", "relay.yaml:1:12:", ""},
             {"announce: [\"wren.example.net:65536\"]\n", "relay.yaml:1:12:", ""},
             {"announce: [\"wren example:9001\"]\n", "relay.yaml:1:12:", ""},
             {"announce: [\"192.0.2.001:9001\"]\n", "relay.yaml:1:12:", ""},
             {"announce: [\"a.net:9001\", \"A.net.:9001\"]\n", "relay.yaml:1:11:", "once"},
             {"listen: [\"wren.example.net:9001\"]\n", "relay.yaml:1:10:", ""},
             {"listen: [\"0.0.0.0:9001\"]\n", "relay.yaml:1:9:", "add `announce`"},
             {"listen: [\"[::]:9001\"]\nannounce: [\"192.0.2.1:9001\", \"[::]:9001\"]\n",
              "relay.yaml:2:11:", "add `announce`"},
             {"workers: 0\n", "relay.yaml:1:10:", "1 to 64"},
             {"workers: 65\n", "relay.yaml:1:10:", "1 to 64"},
             {"role: gateway\nclients_max: 0\n", "relay.yaml:2:14:", "1 to 100000"},
             {"clients_max: 10\n", "relay.yaml:1:14:", "only a gateway"},
             {"packets_per_second: 0\n", "relay.yaml:1:21:", "1 to 1000000"},
             {"capacity: 0\n", "relay.yaml:1:11:", "1 to 1000000"},
             {"capacity: 1000001\n", "relay.yaml:1:11:", "1 to 1000000"},
             {"capacity: all\n", "relay.yaml:1:11:", "whole number"},
             {"traffic_month: 2TB\n", "relay.yaml:1:16:", "like `2 TB`"},
             {"traffic_month: 1.5 TB\n", "relay.yaml:1:16:", "1500 GB"},
             {"country: NL\n", "relay.yaml:1:10:", "lower case: `country: nl`"},
             {"country: uk\n", "relay.yaml:1:10:", "not a country's code"},
             {"country: nld\n", "relay.yaml:1:10:", "not a country's code"},
             {"country: [nl]\n", "relay.yaml:1:10:", ""},
             {"data_dir: \"\"\n", "relay.yaml:1:11:", "empty path"},
             {"metrics: {listen: \"0.0.0.0:9464\"}\n", "relay.yaml:1:19:", "loopback"},
             {"metrics: {listen: \"[::]:9464\"}\n", "relay.yaml:1:19:", "loopback"},
             {"metrics: {listen: \"192.0.2.1:1\", allow: [192.0.2.7]}\n",
              "relay.yaml:1:19:", "token_file"},
             {"metrics: {listen: \"192.0.2.1:1\", token_file: t}\n", "relay.yaml:1:19:", "allow"},
             {"metrics: {listen: \"127.0.0.1:1\", tls_key: k, tls_clients: c}\n",
              "relay.yaml:1:", "three files"},
             {"metrics: {listen: \"127.0.0.1:1\", tls_certificate: c}\n",
              "relay.yaml:1:", "three files"},
             {"metrics: {tls_certificate: c, tls_key: k, tls_clients: a}\n",
              "relay.yaml:1:", "for a port"},
             {"metrics: {listen: \"192.0.2.1:1\", tls_certificate: c, tls_key: k, tls_clients: "
              "a}\n",
              "relay.yaml:1:19:", "allow"},
             {"metrics: {listen: \"unix:\"}\n", "relay.yaml:1:19:", "empty path"},
             {"metrics: {listen: \"unix:x\", token_file: t}\n", "relay.yaml:1:", "for a port"},
             {"metrics: {allow: [192.0.2.0/33]}\n", "relay.yaml:1:19:", "network"},
             {"metrics: {allow: [\"192.0.2.0/\"]}\n", "relay.yaml:1:19:", "network"},
             {"metrics: {allow: [host]}\n", "relay.yaml:1:19:", "network"},
             {"metrics: {listen: on}\n", "relay.yaml:1:19:", "address"},
             {"metrics: {window: 0s}\n", "relay.yaml:1:19:", "1s to 1d"},
             {"metrics: {window: 25h}\n", "relay.yaml:1:19:", "1s to 1d"},
             {"metrics: {exact: 1}\n", "relay.yaml:1:18:", "true or false"},
             {"metrics: {port: 1}\n", "relay.yaml:1:11:", "unknown key \"port\""},
             {"role: gateway\nexit: {policy: [\"allow *:80\"]}\n", "relay.yaml:2:17:", "accept"},
             {"role: gateway\nexit: {policy: [\"reject *:*\"]}\n",
              "relay.yaml:2:", "accepts nothing"},
             {"exit: {policy: [\"accept *:80\"]}\n", "relay.yaml:1:", "only a gateway"},
             {"exit: {dns: {servers: [\"9.9.9.9\"]}}\n", "relay.yaml:1:24:", "port"},
             {"exit: {allow_loopback: yes}\n", "relay.yaml:1:24:", "true or false"},
             {"lab: {drop_share: 1.5}\n", "relay.yaml:1:19:", "0 to 1"},
             {"lab: {drop: 0.5}\n", "relay.yaml:1:7:", "unknown key \"drop\""},
             {"- a\n", "relay.yaml:1:1:", "map"}}) {
        const auto line = refusal(c.text);
        INFO(c.text << " -> " << line);
        CHECK(line.starts_with(c.where));
        CHECK(line.find(c.says) != std::string::npos);
        CHECK(line.find('\n') == std::string::npos);
    }
}

TEST_CASE("relay config: what init writes reads back as it was meant") {
    RelayConfig config;
    config.name = "gw-a";
    config.role = directory::Role::gateway;
    config.layer = 0;
    config.listen = {{"127.0.0.1", 9001}, {"::1", 9001}};
    config.announce = {{"192.0.2.1", 9001}};
    config.runtime_dir = "/dev/shm/a b";
    config.metrics = directory::Endpoint{"::1", 9464};
    config.exit_policy = {"accept *:80", "accept [2606:4700::]/32:443"};
    config.dns_servers = {{IpAddress::parse("::1").value(), 5353}};
    config.exit_allow_loopback = true;
    config.capacity = 3000;
    config.country = "no";
    for (const auto role : {directory::Role::gateway, directory::Role::mix}) {
        config.role = role;
        if (role == directory::Role::mix) {
            config.layer = 2;
            config.exit_policy.clear();
        }
        const auto text = sample_config(config);
        const auto read = parse_config("/r/relay.yaml", text);
        INFO(text);
        CHECK(read.name == config.name);
        CHECK(read.role == config.role);
        CHECK(read.layer == config.layer);
        CHECK(read.listen == config.listen);
        CHECK(read.announce == config.announce);
        CHECK(read.runtime_dir == "/dev/shm/a b");
        CHECK(read.metrics == config.metrics);
        CHECK(read.exit_policy == config.exit_policy);
        CHECK(read.capacity == 3000);
        CHECK(read.country == "no");
        if (role == directory::Role::mix) continue;
        CHECK(read.dns_servers == config.dns_servers);
        CHECK(read.exit_allow_loopback);
    }
}

TEST_CASE("relay config: what a reload may change") {
    const auto old =
        parse_config("relay.yaml", "role: gateway\nexit: {policy: [\"accept *:80\"]}\n");
    CHECK(needs_restart(old, old).empty());
    CHECK(needs_restart(
              parse_config("relay.yaml", ""),
              parse_config("relay.yaml", "capacity: 7\ntraffic_month: 1 TB\ncountry: nl\n")) ==
          std::vector<std::string>{"capacity", "traffic_month", "country"});
    for (const auto* metrics : {"{exact: false}", "{window: 2h}", "{listen: \"unix:a\"}"})
        CHECK(
            needs_restart(parse_config("relay.yaml", ""),
                          parse_config("relay.yaml", std::string{"metrics: "} + metrics + "\n")) ==
            std::vector<std::string>{"metrics (other keys)"});
    const auto other_ports =
        parse_config("relay.yaml", "role: gateway\nexit: {policy: [\"accept *:443\"]}\n");
    CHECK(needs_restart(old, other_ports).empty());
    const auto no_exit = parse_config("relay.yaml", "role: gateway\nworkers: 3\nclients_max: 7\n");
    CHECK(needs_restart(old, no_exit) ==
          std::vector<std::string>{"workers", "clients_max", "exit (on or off)"});
}

TEST_CASE("relay config: metrics for other machines, and on a unix socket") {
    const auto guarded = parse_config(
        "/etc/nightjar/relay.yaml",
        "metrics: {listen: \"192.0.2.1:9464\", token_file: token, allow: [192.0.2.7, 10.0.0.0/8, "
        "\"2001:db8::/32\"]}\n");
    CHECK(guarded.serves_metrics());
    CHECK(guarded.metrics_rules.token_file == "/etc/nightjar/token");
    REQUIRE(guarded.metrics_rules.allow.size() == 3);
    CHECK(guarded.metrics_rules.allow[0].prefix == 32);
    CHECK(guarded.metrics_rules.allow[1].prefix == 8);
    CHECK(guarded.metrics_rules.allow[2].address.v6);
    const auto secure = parse_config(
        "/etc/nightjar/relay.yaml",
        "metrics: {listen: \"192.0.2.1:9464\", tls_certificate: c.pem, tls_key: /k.pem, "
        "tls_clients: a.pem, allow: [192.0.2.7]}\n");
    CHECK(secure.metrics_rules.has_tls());
    CHECK(secure.metrics_rules.tls_certificate == "/etc/nightjar/c.pem");
    CHECK(secure.metrics_rules.tls_key == "/k.pem");
    CHECK(secure.metrics_rules.tls_clients == "/etc/nightjar/a.pem");
    CHECK(!guarded.metrics_rules.has_tls());
    const auto local =
        parse_config("/etc/nightjar/relay.yaml", "metrics: {listen: \"unix:metrics.sock\"}\n");
    CHECK(local.serves_metrics());
    CHECK(!local.metrics);
    CHECK(local.metrics_rules.socket == "/etc/nightjar/metrics.sock");
    CHECK(!parse_config("relay.yaml", "").serves_metrics());
}
