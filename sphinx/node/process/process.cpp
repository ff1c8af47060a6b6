#include "sphinx/node/process/process.hpp"

#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

namespace nightjar::node::process {

namespace {

void require(bool ok, const char* what) {
    if (!ok) throw std::system_error{errno, std::generic_category(), what};
}

/// libsodium calls this, and ends the process when it returns.
void say_no_randomness() {
    constexpr std::string_view line{
        "the system gives no random numbers, neither by getrandom() nor from /dev/urandom: ended, "
        "so that no key is weak\n"};
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void explain_missing_randomness() {
    sodium_set_misuse_handler(say_no_randomness);
}

void harden_process() {
    const rlimit none{0, 0};
    require(setrlimit(RLIMIT_CORE, &none) == 0, "cannot forbid core dumps");
    // A pipe in core_pattern ignores RLIMIT_CORE, but gets no dump of a process that is not
    // dumpable.
    require(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "cannot make the process undumpable");
    require(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR, "cannot ignore SIGPIPE");
    umask(0077);
}

void raise_descriptor_limit() {
    rlimit limit{};
    require(getrlimit(RLIMIT_NOFILE, &limit) == 0, "cannot read the descriptor limit");
    limit.rlim_cur = limit.rlim_max;
    require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "cannot raise the descriptor limit");
}

}  // namespace nightjar::node::process
