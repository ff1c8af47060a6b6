// An exit that uses the system's name servers, in a relay's sandbox. /etc/resolv.conf is often a
// link to a folder below /run.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "relay/operation/startup.hpp"
#include "tests/support/exit_conversation.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace nightjar;
using namespace nightjar::test;

namespace {

enum Outcome { started, no_mounts, no_etc };

struct Start {
    int status = -1;
    std::string log;
};

/// Without root, in a user namespace that knows this user and group: others can create no file.
bool own_mounts() {
    const auto user = std::to_string(::getuid()), group = std::to_string(::getgid());
    if (::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
        std::ofstream{"/proc/self/setgroups"} << "deny";
        std::ofstream{"/proc/self/uid_map"} << user + " " + user + " 1";
        std::ofstream{"/proc/self/gid_map"} << group + " " + group + " 1";
    }
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool link_system_list(const std::filesystem::path& target) {
    if (::mount("none", "/etc", "tmpfs", 0, nullptr) != 0) return false;
    std::error_code error;
    std::filesystem::create_symlink(target, "/etc/resolv.conf", error);
    return !error;
}

/// The start of an exit whose /etc/resolv.conf is a link to `target`.
Outcome start_exit(const std::filesystem::path& home, const std::filesystem::path& target) {
    if (!own_mounts()) return no_mounts;
    if (!link_system_list(target)) return no_etc;
    relay::operation::RelayConfig config;
    config.data_dir = home;
    config.runtime_dir = home / "run";
    config.control = home / "run" / "control.sock";
    config.network = home / "network.yaml";
    config.document = home / "document";
    config.exit_policy = {"accept *:443"};
    relay::operation::enter_sandbox(home / "relay.yaml", config, false);

    boost::asio::io_context io;
    base::SystemRandom random;
    Counters counters;
    ExitSessions sessions{fast_law(), random, counters, {}, std::make_unique<ClearReplies>()};
    node::process::TaskGroup tasks{io.get_executor(),
                                   [](const std::string&, const std::string&) {}};
    const DialThread dials;
    Exit exit{io.get_executor(),
              sessions,
              tasks,
              ExitPolicy{{}, {}},
              std::make_unique<Resolver>(io.get_executor(), std::vector<base::IpEndpoint>{}),
              dials.client(io.get_executor()),
              true};
    exit.start();
    ::_exit(started);
}

/// In a process of its own: neither its mounts nor its sandbox can be taken back.
Start start_with_link_to(const std::filesystem::path& home, const std::filesystem::path& target) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[1]);
        ::_exit(start_exit(home, target));
    }
    ::close(ends[1]);
    Start start;
    std::array<char, 512> piece;
    for (ssize_t size = 0; (size = ::read(ends[0], piece.data(), piece.size())) > 0;)
        start.log.append(piece.data(), static_cast<std::size_t>(size));
    ::close(ends[0]);
    REQUIRE(::waitpid(child, &start.status, 0) == child);
    return start;
}

bool has(const std::string& text, const char* word) {
    return text.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("exit start: the system's name servers are read through a link, and logged") {
    const TemporaryFolder home, elsewhere;
    std::ofstream{elsewhere.path() / "resolv.conf"} << "nameserver 192.0.2.7\n"
                                                       "nameserver 2001:db8::7\n";
    const auto start = start_with_link_to(home.path(), elsewhere.path() / "resolv.conf");
    REQUIRE(WIFEXITED(start.status));
    REQUIRE(WEXITSTATUS(start.status) == started);
    CHECK_MESSAGE(has(start.log, "192.0.2.7:53, [2001:db8::7]:53"), start.log);
    CHECK_MESSAGE(!has(start.log, "cannot open"), start.log);
}

TEST_CASE("exit start: a list of name servers that cannot be opened is a warning") {
    const TemporaryFolder home;
    const auto start = start_with_link_to(home.path(), "/run/no-such-folder/resolv.conf");
    REQUIRE(WIFEXITED(start.status));
    REQUIRE(WEXITSTATUS(start.status) == started);
    CHECK_MESSAGE(has(start.log, "cannot open /etc/resolv.conf: No such file"), start.log);
    CHECK_MESSAGE(has(start.log, "127.0.0.1:53"), start.log);
}
