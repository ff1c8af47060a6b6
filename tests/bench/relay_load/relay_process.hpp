// The relay under test: a process of its own, with the code of nightjar-relay and one kernel, and
// what the system says about it. Linux only: reads /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sphinx/crypto/kernel.hpp"

namespace nightjar::bench {

/// What a process has used since it started.
struct Usage {
    double io_seconds = 0;      // processor time of the I/O thread
    double worker_seconds = 0;  // processor time of all other threads
    std::uint64_t wakeups = 0;  // how often a thread began to run after it had waited
    double seconds() const { return io_seconds + worker_seconds; }
};
Usage operator-(const Usage& after, const Usage& before);

struct Memory {
    std::uint64_t resident = 0;   // bytes
    std::uint64_t anonymous = 0;  // without replay filters and program text
};

/// Links and packets, from the relay's control socket.
struct RelayStatus {
    bool active = false;
    std::size_t next_up = 0;
    std::size_t previous_up = 0;
    std::size_t clients = 0;
    std::uint64_t dropped = 0;  // for any reason
    std::uint64_t unwrap_refused = 0;
};

class RelayProcess {
 public:
    /// Starts this program again with `--as-relay KERNEL FOLDER`. Throws std::system_error.
    RelayProcess(const std::filesystem::path& folder, crypto::Kernel kernel);
    /// Ends the relay by SIGTERM and waits for it.
    ~RelayProcess();
    RelayProcess(const RelayProcess&) = delete;
    RelayProcess& operator=(const RelayProcess&) = delete;

    pid_t pid() const { return pid_; }
    bool running() const;
    /// Throws std::exception if the process has ended.
    Usage usage() const;
    Memory memory() const;
    /// Not active if the relay does not answer (yet).
    RelayStatus status() const;
    /// Lets all its threads run on these cores only.
    void pin(const std::vector<int>& cores) const;

 private:
    std::filesystem::path control_;
    pid_t pid_ = -1;
};

/// What the started process does: forces the kernel, then runs the relay until SIGTERM.
int run_as_relay(const std::string& kernel, const std::filesystem::path& folder);

/// The kernel of that name. Throws std::invalid_argument.
crypto::Kernel kernel_named(const std::string& name);

/// Pins the calling thread. Throws std::system_error.
void pin_this_thread(int core);

/// For this process and the relay that it starts. A session of its own is a scheduling group of its
/// own where the kernel groups by session; there a process's own priority counts only within its
/// group. Throws std::runtime_error.
void take_priority(int nice);

/// The cores of this machine, at least one.
int cores();

}  // namespace nightjar::bench
