#include "client/operation/config.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

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
    CHECK(config.listen == directory::Endpoint{"127.0.0.1", 9150});
    CHECK(config.state_dir == folder.path() / "state");
    CHECK(config.control_socket == folder.path() / "control.sock");
    CHECK(config.ready_timeout == base::Seconds{120});
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
        {"ready_timeout: 5\n", "1:16: not a time"},
        {"network: \"\"\n", "1:10: an empty path"},
        {"network: n\nstate_dir: \"\"\n", "2:12: an empty path"},
        {"control_socket: \"\"\n", "1:17: an empty path"},
        {"control_socket: /" + std::string(107, 'x') + "\n", "1:17: the path is too long"},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        const auto said = refusal(one.text);
        CHECK_MESSAGE(said.starts_with(one.said), said);
    }
    CHECK(refusal("listen: 0.0.0.0:9150\nallow_remote: true\n") == "");
}
