#include "relay/doctor/host_rules.hpp"

#include <linux/landlock.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <sstream>

#include "sphinx/node/files/text_file.hpp"
#include "sphinx/node/process/clocks.hpp"

namespace nightjar::relay::doctor {

namespace {

constexpr std::size_t text_max = 64 * 1024;

HostFacts::Text read(const std::filesystem::path& file) {
    auto text = node::files::read_file(file, text_max);
    if (!text) return std::nullopt;
    while (!text->empty() && text->back() == '\n')
        text->pop_back();
    return *std::move(text);
}

bool random_is_ready() {
    std::array<std::uint8_t, 16> bytes{};
    return ::getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK) ==
           static_cast<ssize_t>(bytes.size());
}

/// The disks of /proc/swaps, with their sizes.
std::string swap_disks(const HostFacts& host) {
    std::istringstream lines{host.swaps.value_or("")};
    std::string line;
    std::string disks;
    std::getline(lines, line);  // the heading
    while (std::getline(lines, line)) {
        std::istringstream words{line};
        std::string file;
        std::string type;
        std::string size;
        words >> file >> type >> size;
        if (file.empty() || file.starts_with("/dev/zram")) continue;
        disks += (disks.empty() ? "" : ", ") + file + " (" + size + " KiB)";
    }
    return disks;
}

}  // namespace

HostFacts read_host(const std::filesystem::path& root) {
    HostFacts host;
    host.kernel = read(root / "proc/sys/kernel/osrelease");
    host.swaps = read(root / "proc/swaps");
    host.crash_kernel = read(root / "sys/kernel/kexec_crash_loaded");
    host.page_merging = read(root / "sys/kernel/mm/ksm/run");
    host.defragmentation = read(root / "sys/kernel/mm/transparent_hugepage/defrag");
    host.seccomp = read(root / "proc/sys/kernel/seccomp/actions_avail");
    const auto version =
        ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    host.landlock = version > 0 ? static_cast<int>(version) : 0;
    host.random = random_is_ready();
    host.clock_kept = node::process::wall_synchronised();
    return host;
}

bool swaps_to_disk(const HostFacts& host) {
    return !swap_disks(host).empty();
}

Finding kernel(const HostFacts& host) {
    const auto release = "Linux " + host.kernel.value_or("of an unknown version");
    std::string lacks;
    if (host.landlock == 0) lacks = "Landlock";
    if (host.seccomp.value_or("").find("kill_process") == std::string::npos)
        lacks += lacks.empty() ? "seccomp" : " and seccomp";
    if (lacks.empty()) return ok("kernel", release + " confines the relay");
    return warn("kernel", release + " lacks " + lacks + ", so a fault in the relay opens the host",
                "use a kernel of 5.13 or newer that has both, or allow them in the container");
}

Finding entropy(const HostFacts& host) {
    if (host.random) return ok("entropy", "the kernel's generator has been seeded");
    return bad("entropy", "the kernel's generator has not been seeded, so no key can be made",
               "give the machine a source (virtio-rng, or the package rng-tools), and wait");
}

Finding swap(const HostFacts& host) {
    const auto disks = swap_disks(host);
    if (disks.empty()) return ok("swap", "no memory is written to a disk");
    return warn("swap", "packets and sessions in memory can be written to " + disks,
                "`swapoff -a` and take it out of /etc/fstab, or set MemorySwapMax=0 in the unit");
}

Finding crash_dumps(const HostFacts& host) {
    if (host.crash_kernel.value_or("0") == "0")
        return ok("crash_dumps", "a crash of the kernel writes no memory to a disk");
    return warn("crash_dumps", "a crash of the kernel writes all memory, with the keys, to a disk",
                "`systemctl disable --now kdump-tools`, then start the machine again");
}

Finding page_merging(const HostFacts& host) {
    if (host.page_merging.value_or("0") != "1")
        return ok("page_merging", "equal pages of programs are not merged");
    return warn("page_merging",
                "the kernel merges equal pages, so the times of writes tell other programs what is "
                "in memory",
                "`echo 2 > /sys/kernel/mm/ksm/run`, and disable ksmtuned");
}

Finding memory_stalls(const HostFacts& host) {
    if (host.defragmentation.value_or("").find("[always]") == std::string::npos)
        return ok("memory_stalls", "taking memory does not wait for free huge pages");
    return warn("memory_stalls",
                "taking memory waits until the kernel has moved pages, and packets leave late",
                "`echo madvise > /sys/kernel/mm/transparent_hugepage/defrag`");
}

Findings host(const HostFacts& facts) {
    return {kernel(facts),      entropy(facts),      swap(facts),
            crash_dumps(facts), page_merging(facts), memory_stalls(facts)};
}

}  // namespace nightjar::relay::doctor
