#include "relay/io/host_networks.hpp"

#include <doctest/doctest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstring>

#include "sphinx/node/process/task_group.hpp"

using namespace nightjar;
using namespace nightjar::relay::io;
namespace asio = boost::asio;

namespace {

const base::IpNetwork loopback{base::IpAddress::parse("127.0.0.1").value(), 8};

bool has_loopback() {
    const auto all = host_networks();
    return std::find(all.begin(), all.end(), loopback) != all.end();
}

bool raise_loopback() {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    const bool done = ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    ::close(fd);
    return done;
}

enum Outcome { noticed, no_namespace, address_before, not_raised, not_noticed, not_stopped };

asio::awaitable<void> count(HostNetworksWatch& watch, int& changes) {
    for (;;) {
        const bool changed = co_await watch.changed();
        if (!changed) co_return;
        ++changes;
    }
}

/// In a network of its own, where the loopback has no address yet.
Outcome watch_loopback_rise() {
    if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return no_namespace;
    if (has_loopback()) return address_before;
    asio::io_context io;
    HostNetworksWatch watch{io.get_executor()};
    bool failed = false;
    node::process::TaskGroup tasks{io.get_executor(),
                                   [&](const std::string&, const std::string&) { failed = true; }};
    int changes = 0;
    tasks.spawn("follow", count(watch, changes));
    io.run_for(std::chrono::milliseconds{50});
    if (!raise_loopback()) return not_raised;
    io.run_for(std::chrono::seconds{3});
    if (changes != 1 || !has_loopback()) return not_noticed;
    watch.stop();
    io.run_for(std::chrono::seconds{3});
    return tasks.running() == 0 && !failed ? noticed : not_stopped;
}

}  // namespace

TEST_CASE("host networks: the loopback's network is among them") {
    CHECK(has_loopback());
}

TEST_CASE("host networks: an address that comes is noticed, once") {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(watch_loopback_rise());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == noticed);
}
