#include "tests/bench/relay_load/relay_process.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "relay/daemon.hpp"
#include "relay/operation/status.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::bench {

namespace fs = std::filesystem;

namespace {

std::string content(const fs::path& file) {
    std::ifstream in{file};
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The number behind a name in a file of lines "Name:  number ...".
std::uint64_t number(const std::string& text, const std::string& name) {
    const auto at = text.find(name + ":");
    if (at == std::string::npos) throw std::runtime_error{"no " + name + " in /proc"};
    return std::stoull(text.substr(at + name.size() + 1));
}

cpu_set_t set_of(const std::vector<int>& cores) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : cores)
        CPU_SET(static_cast<std::size_t>(core), &set);
    return set;
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error{errno, std::generic_category(), what};
}

}  // namespace

Usage operator-(const Usage& after, const Usage& before) {
    return {after.io_seconds - before.io_seconds, after.worker_seconds - before.worker_seconds,
            after.wakeups - before.wakeups};
}

RelayProcess::RelayProcess(const fs::path& folder, crypto::Kernel kernel)
    : control_{folder / "run" / "control.sock"} {
    const std::string name = crypto::to_string(kernel);
    const std::string place = folder;
    pid_ = ::fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // it must not outlive this process
        ::execl("/proc/self/exe", "relay_bench", "--as-relay", name.c_str(), place.c_str(),
                static_cast<char*>(nullptr));
        ::_exit(127);
    }
}

RelayProcess::~RelayProcess() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
}

Usage RelayProcess::usage() const {
    Usage all;
    const fs::path tasks = "/proc/" + std::to_string(pid_) + "/task";
    for (const auto& task : fs::directory_iterator{tasks}) {
        const auto nanoseconds = std::stod(content(task.path() / "schedstat"));
        const bool io = task.path().filename() == std::to_string(pid_);
        (io ? all.io_seconds : all.worker_seconds) += nanoseconds * 1e-9;
        all.wakeups += number(content(task.path() / "status"), "\nvoluntary_ctxt_switches");
    }
    return all;
}

bool RelayProcess::running() const {
    return ::kill(pid_, 0) == 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0;
}

Memory RelayProcess::memory() const {
    const auto text = content("/proc/" + std::to_string(pid_) + "/status");
    return {number(text, "VmRSS") << 10, number(text, "RssAnon") << 10};
}

RelayStatus RelayProcess::status() const {
    RelayStatus found;
    const auto text = relay::operation::ask_status(control_);
    if (!text) return found;
    const auto json = nlohmann::json::parse(*text);
    found.active = json["state"] == "active";
    found.next_up = json["next_relays_up"];
    found.previous_up = json["previous_relays_up"];
    const auto& lab = json["lab"];
    found.clients = lab["clients"];
    found.unwrap_refused = lab["unwrap_refused"];
    for (const auto& [reason, count] : lab["dropped"].items())
        found.dropped += count.get<std::uint64_t>();
    return found;
}

void RelayProcess::pin(const std::vector<int>& cores) const {
    const auto set = set_of(cores);
    for (const auto& task : fs::directory_iterator{"/proc/" + std::to_string(pid_) + "/task"}) {
        const auto thread = static_cast<pid_t>(std::stol(task.path().filename().string()));
        if (::sched_setaffinity(thread, sizeof set, &set) != 0) fail("sched_setaffinity");
    }
}

int run_as_relay(const std::string& kernel, const fs::path& folder) {
    return node::process::run_main("relay", [&] {
        crypto::force_kernel(kernel_named(kernel));
        return relay::run_relay(folder / "relay.yaml");
    });
}

crypto::Kernel kernel_named(const std::string& name) {
    for (const auto kernel :
         {crypto::Kernel::portable, crypto::Kernel::avx2, crypto::Kernel::ifma}) {
        if (name == crypto::to_string(kernel)) return kernel;
    }
    throw std::invalid_argument{"no kernel is called " + name};
}

void pin_this_thread(int core) {
    const auto set = set_of({core});
    if (::sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

void take_priority(int nice) {
    ::setsid();
    std::ofstream{"/proc/self/autogroup"} << nice;
    if (::setpriority(PRIO_PROCESS, 0, nice) != 0)
        throw std::runtime_error{"this user may not set that priority"};
}

int cores() {
    return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace nightjar::bench
