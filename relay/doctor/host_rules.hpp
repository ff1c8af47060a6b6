// What the host's kernel and settings mean for a relay. The rules take texts as the kernel gives
// them and are pure; read_host() reads the texts. Sources: proc(5), landlock(7),
// Documentation/admin-guide/mm/{ksm,transhuge}.rst of Linux.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/doctor/finding.hpp"

namespace nightjar::relay::doctor {

/// nullopt: the kernel does not have the file, or this user must not read it.
struct HostFacts {
    using Text = std::optional<std::string>;
    Text kernel;              // /proc/sys/kernel/osrelease
    Text swaps;               // /proc/swaps
    Text crash_kernel;        // /sys/kernel/kexec_crash_loaded
    Text page_merging;        // /sys/kernel/mm/ksm/run
    Text defragmentation;     // /sys/kernel/mm/transparent_hugepage/defrag
    Text seccomp;             // /proc/sys/kernel/seccomp/actions_avail
    int landlock = 0;         // version; 0: none
    bool random = false;      // the kernel's generator has been seeded
    bool clock_kept = false;  // a program such as chrony keeps the clock right
};

/// Reads the files below `root`, which is "/" but in tests, and asks the kernel for the rest.
HostFacts read_host(const std::filesystem::path& root);

/// True if memory can be written to a disk. Compressed swap in memory (zram) does not count.
bool swaps_to_disk(const HostFacts& host);

Finding kernel(const HostFacts& host);
Finding entropy(const HostFacts& host);
Finding swap(const HostFacts& host);
Finding crash_dumps(const HostFacts& host);
Finding page_merging(const HostFacts& host);
Finding memory_stalls(const HostFacts& host);
Findings host(const HostFacts& host);  // all of them

}  // namespace nightjar::relay::doctor
