#include "relay/operation/process_facts.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace nightjar::relay::operation {
namespace {

node::process::Sandbox sandbox;

base::Milliseconds to_milliseconds(const timeval& time) {
    return base::Seconds{time.tv_sec} + base::Milliseconds{time.tv_usec / 1000};
}

std::uint64_t resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    if (!(file >> all >> resident)) return 0;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t open_files() {
    std::error_code error;
    const std::filesystem::directory_iterator files{"/proc/self/fd", error};
    if (error) return 0;
    return static_cast<std::uint64_t>(std::distance(begin(files), end(files)));
}

}  // namespace

ProcessFacts process_facts() {
    ProcessFacts facts;
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0)
        facts.cpu = to_milliseconds(used.ru_utime) + to_milliseconds(used.ru_stime);
    facts.resident_bytes = resident_bytes();
    facts.open_files = open_files();
    return facts;
}

node::process::Sandbox sandbox_in_force() {
    return sandbox;
}

void note_sandbox(const node::process::Sandbox& entered) {
    sandbox = entered;
}

}  // namespace nightjar::relay::operation
