// The client's sandbox: files that are links, as stow and home-manager make them.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "client/operation/prepare_process.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;

namespace {

/// The error of an open in a client's process; 0 if it succeeds.
int open_error_in_client(const client::operation::Config& config,
                         const std::filesystem::path& file) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        client::operation::prepare_process(config);
        ::_exit(::open(file.c_str(), O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("client sandbox: an anchors file that is a link can be read, another file cannot") {
    const test::TemporaryFolder home, elsewhere, other;
    for (const auto* folder : {&elsewhere, &other})
        std::ofstream{folder->path() / "network.yaml"} << "text";
    client::operation::Config config;
    config.network = home.path() / "network.yaml";
    config.state_dir = home.path() / "state";
    config.control_socket = home.path() / "control.sock";
    std::filesystem::create_symlink(elsewhere.path() / "network.yaml", config.network);
    CHECK(open_error_in_client(config, config.network) == 0);
    CHECK(open_error_in_client(config, other.path() / "network.yaml") == EACCES);
}
