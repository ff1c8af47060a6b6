#include "client/operation/config.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "client/operation/listener_config.hpp"
#include "sphinx/node/process/exit_code.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;

namespace {

/// The error of load_config() for a client.yaml with this text. Empty if it is accepted.
std::string refusal(const std::string& text) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "client.yaml";
    std::ofstream{file} << text;
    try {
        client::operation::load_config(file);
    } catch (const node::process::ConfigError& error) {
        const std::string line = error.what();
        CHECK(line.starts_with(file.string() + ":"));
        return line.substr(file.string().size() + 1);
    }
    return "";
}

}  // namespace

TEST_CASE("client.yaml: every key has a default, and paths count from its folder") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "client.yaml";
    std::ofstream{file} << "{}\n";
    const auto config = client::operation::load_config(file);
    CHECK(config.network == folder.path() / "network.yaml");
    REQUIRE(config.listeners.size() == 1);
    const auto& usual = config.listeners.front();
    CHECK(usual.endpoint == directory::Endpoint{"127.0.0.1", 9150});
    CHECK((usual.path.empty() && usual.by_credentials && !usual.extended_errors));
    CHECK(config.state_dir == folder.path() / "state");
    CHECK(config.control_socket == folder.path() / "control.sock");
    CHECK(config.ready_timeout == base::Seconds{120});
    CHECK(config.early_success == client::protocol::EarlySuccess::web);
    CHECK_FALSE(config.metrics.has_value());
}

TEST_CASE("client.yaml: metrics are off, or on a loopback address") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "client.yaml";
    const auto metrics = [&](const char* listen) {
        std::ofstream{file} << "metrics: {listen: " << listen << "}\n";
        return client::operation::load_config(file).metrics;
    };
    CHECK_FALSE(metrics("off").has_value());
    CHECK(metrics("127.0.0.1:9465") == directory::Endpoint{"127.0.0.1", 9465});
    CHECK(metrics("\"[::1]:9465\"") == directory::Endpoint{"::1", 9465});
}

TEST_CASE("client.yaml: early_success is one of three words, and decides by the port") {
    using client::protocol::answers_early;
    struct Case {
        const char* word;
        bool web, other;
    };
    for (const auto& one :
         {Case{"never", false, false}, Case{"web", true, false}, Case{"always", true, true}}) {
        CAPTURE(one.word);
        const test::TemporaryFolder folder;
        const auto file = folder.path() / "client.yaml";
        std::ofstream{file} << "early_success: " << one.word << "\n";
        const auto when = client::operation::load_config(file).early_success;
        CHECK(answers_early(when, 80) == one.web);
        CHECK(answers_early(when, 443) == one.web);
        for (const std::uint16_t port : {22, 25, 81, 442, 993, 8080})
            CHECK(answers_early(when, port) == one.other);
    }
}

TEST_CASE("client.yaml: what is wrong has its place") {
    struct Case {
        std::string text;
        const char* said;
    };
    const Case cases[] = {
        {"colour: red\n", "1:1: "},
        {"listen: [::1]:9150\n", "1:"},
        {"listen: 0.0.0.0:9150\n", "1:9: anyone who reaches this address"},
        {"allow_remote: maybe\n", "1:15: "},
        {"early_success: true\n", "1:16: unknown word"},
        {"metrics: {listen: 0.0.0.0:9465}\n",
         "1:19: a client shows its metrics only on this machine"},
        {"allow_remote: true\nmetrics: {listen: 192.0.2.1:9465}\n", "2:19: a client shows"},
        {"metrics: {listen: 127.0.0.1:0}\n", "1:19: port 0 cannot be reached"},
        {"metrics: {listen: unix:m.sock}\n", "1:19: not an address with a port"},
        {"metrics: {listen: 127.0.0.1:9465, window: 1h}\n", "1:35: "},
        {"exit_country: NL\n", "1:15: not a country's code"},
        {"exit_country: eu\n", "1:15: not a country's code"},
        {"ready_timeout: 5\n", "1:16: not a time"},
        {"network: \"\"\n", "1:10: an empty path"},
        {"network: n\nstate_dir: \"\"\n", "2:12: an empty path"},
        {"control_socket: \"\"\n", "1:17: an empty path"},
        {"control_socket: /" + std::string(107, 'x') + "\n", "1:17: the path is too long"},
        {"listeners: []\n", "1:12: no listener"},
        {"listen: 127.0.0.1:1\nlisteners: [{proxy: \"127.0.0.1:2\"}]\n", "1:9: `listeners` is"},
        {"listeners: [{}]\n", "1:13: "},
        {"listeners: [{proxy: \"0.0.0.0:2\"}]\n", "1:12: anyone who reaches"},
        {"listeners: [{proxy: \"unix:\"}]\n", "1:21: an empty path"},
        {"listeners: [{proxy: \"unix:/" + std::string(107, 'x') + "\"}]\n", "1:21: the path is"},
        {"listeners: [{proxy: \"[::1]:2\", users: all}]\n", "1:32: "},
        {"listeners: [{proxy: \"[::1]:2\", isolate: [user]}]\n", "1:42: only a unix socket"},
        {"listeners: [{proxy: \"[::1]:2\", isolate: [colour]}]\n", "1:42: unknown word"},
        {"listeners: [{dns: \"127.0.0.1:2\"}]\n", "1:13: the first listener is not a proxy"},
        {"listeners: [{proxy: \"[::1]:2\"}, {dns: \"[::1]:2\", isolate: [credentials]}]\n",
         "1:60: unknown word"},
        {"listeners: [{proxy: \"[::1]:2\"}, {dns: \"[::1]:2\", users: all}]\n", "1:50: "},
        {"listeners: [{proxy: \"[::1]:2\"}, {dns: \"0.0.0.0:2\"}]\n", "1:12: anyone who"},
        {"listeners:\n- proxy: 127.0.0.1:1\n- dns: 127.0.0.1:2\n  map: 198.18.0.0/17\n",
         "4:8: not a range for names"},
        {"listeners:\n- proxy: 127.0.0.1:1\n- dns: 127.0.0.1:2\n  map: 198.18.0.1/15\n",
         "4:8: the address has bits"},
        {"listeners:\n- proxy: 127.0.0.1:1\n- dns: 127.0.0.1:2\n  map: \"fd00::/16\"\n",
         "4:8: not a range for names"},
        {"listeners:\n- proxy: 127.0.0.1:1\n- {dns: \"[::1]:2\", map: 10.0.0.0/8}\n"
         "- {dns: \"[::1]:3\", map: 10.0.0.0/8}\n",
         "2:1: more than one `map`"},
        {"listeners:\n- proxy: 127.0.0.1:1\n- transparent: 127.0.0.1:2\n  users: all\n", "4:3: "},
        {"listeners:\n- proxy: 127.0.0.1:1\n- transparent: 0.0.0.0:2\n", "2:1: anyone who"},
        {"listeners: [{proxy: \"[::1]:2\", colour: red}]\n", "1:32: "},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto said = refusal(one.text);
        CHECK_MESSAGE(said.starts_with(one.said), said);
    }
    CHECK(refusal("listen: 0.0.0.0:9150\nallow_remote: true\n") == "");
}

TEST_CASE("client.yaml: each listener has its own rules") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "client.yaml";
    std::ofstream{file} << "listeners:\n"
                           "  - proxy: 127.0.0.1:0\n"
                           "    extended_errors: true\n"
                           "  - proxy: unix:apps.sock\n"
                           "    users: all\n"
                           "  - {proxy: \"unix:/run/n.sock\", isolate: [listener]}\n"
                           "  - {proxy: \"[::1]:9151\", isolate: []}\n";
    const auto listeners = client::operation::load_config(file).listeners;
    REQUIRE(listeners.size() == 4);
    CHECK(listeners[0].endpoint == directory::Endpoint{"127.0.0.1", 0});
    CHECK(listeners[0].extended_errors);
    CHECK(listeners[1].path == (folder.path() / "apps.sock").string());
    CHECK((listeners[1].all_users && listeners[1].by_user && listeners[1].by_credentials));
    CHECK(!listeners[1].extended_errors);
    CHECK(listeners[2].path == "/run/n.sock");
    CHECK((!listeners[2].all_users && !listeners[2].by_user && !listeners[2].by_credentials));
    CHECK(listeners[2].by_listener);
    CHECK((!listeners[3].by_credentials && !listeners[3].by_listener));
}

TEST_CASE("client.yaml: what routes a whole machine") {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "client.yaml";
    std::ofstream{file} << "listeners:\n"
                           "  - proxy: 127.0.0.1:9150\n"
                           "  - {dns: \"127.0.0.1:9153\", map: 198.18.0.0/15}\n"
                           "  - {transparent: \"127.0.0.1:9140\", isolate: [listener]}\n";
    const auto listeners = client::operation::load_config(file).listeners;
    using Way = client::protocol::ListenerOptions::Way;
    REQUIRE(listeners.size() == 3);
    CHECK(listeners[1].way == Way::dns);
    CHECK(listeners[1].map == base::IpNetwork{*base::IpAddress::parse("198.18.0.0"), 15});
    CHECK(!listeners[1].by_listener);
    CHECK(listeners[2].way == Way::transparent);
    CHECK((listeners[2].by_listener && !listeners[2].by_credentials));
}

TEST_CASE("open_listener: a listener is described as in client.yaml") {
    using client::operation::listener_of_json;
    using Way = client::protocol::ListenerOptions::Way;
    const auto proxy = listener_of_json(
        R"({"proxy":"127.0.0.1:0","isolate":["listener"],"extended_errors":true})", false);
    REQUIRE(proxy);
    CHECK((proxy->way == Way::proxy && proxy->endpoint == directory::Endpoint{"127.0.0.1", 0}));
    CHECK((proxy->by_listener && !proxy->by_credentials && proxy->extended_errors));
    const auto file = listener_of_json(R"({"proxy":"unix:/run/\u00e4","users":"all"})", false);
    REQUIRE(file);
    CHECK((file->path == "/run/\u00e4" && file->all_users && file->by_user));
    const auto dns = listener_of_json(R"({"dns":"[::1]:53","map":"198.18.0.0/15"})", false);
    REQUIRE(dns);
    CHECK((dns->way == Way::dns && dns->map && dns->map->prefix == 15));
    CHECK(listener_of_json(R"({"transparent":"0.0.0.0:9140"})", true));

    struct Case {
        const char* text;
        const char* said;
    };
    const Case cases[] = {
        {"{}", "params:1:1: "},
        {R"({"proxy":"127.0.0.1:0","dns":"127.0.0.1:0"})", "params:1:2: "},
        {R"({"proxy":"127.0.0.1:0","colour":"red"})", "params:1:24: "},
        {R"({"proxy":9150})", "params:1:10: "},
        {R"({"proxy":"127.0.0.1:0","isolate":["colour"]})", "params:1:35: unknown word"},
        {R"({"proxy":"127.0.0.1:0","extended_errors":"true"})", "params:1:42: "},
        {R"({"proxy":"unix:own.sock"})", "a relative path"},
        {R"({"proxy":"unix:/run/a\u0000b"})", "params:1:10: "},
        {R"({"proxy":["127.0.0.1:0"]})", "params:1:10: "},
        {R"({"proxy":"0.0.0.0:9150"})", "anyone who reaches this address"},
        {R"({"dns":"192.0.2.1:53"})", "anyone who reaches this address"},
        {R"({"transparent":"[::]:9140"})", "anyone who reaches this address"},
        {R"({"transparent":"127.0.0.1:9140","users":"all"})", "params:1:33: "},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto refused = listener_of_json(one.text, false);
        REQUIRE_FALSE(refused);
        CAPTURE(refused.error());
        CHECK(refused.error().starts_with(one.said));
        CHECK(refused.error().find('\n') == std::string::npos);
    }
}
