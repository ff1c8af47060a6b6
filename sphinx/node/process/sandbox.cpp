#include "sphinx/node/process/sandbox.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>

#include "sphinx/node/process/keeper.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::node::process {

namespace {

[[noreturn]] void fail(int error, const char* what) {
    throw std::system_error{error, std::generic_category(), what};
}

// --- files ---

constexpr std::uint64_t read_file = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t read_folder = read_file | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t write_folder = read_folder | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                       LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                       LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK;
/// All rights of the first version of Landlock: what is not granted below is refused.
constexpr std::uint64_t handled = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

/// What the C library and the resolver read while a daemon runs. c-ares takes the key of its random
/// numbers from /dev/urandom, and a weak one if it cannot.
constexpr std::array system_files{"/dev/urandom",
                                  "/etc",
                                  "/usr",
                                  "/lib",
                                  "/proc/sys",
                                  "/proc/self",
                                  "/sys/devices/system/cpu",
                                  "/run/systemd/resolve"};

class Rules {
 public:
    Rules() {
        landlock_ruleset_attr attributes{};
        attributes.handled_access_fs = handled;
        fd_ = static_cast<int>(
            ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
        if (fd_ < 0) fail(errno, "cannot restrict the files that this process may use");
    }
    ~Rules() { ::close(fd_); }
    Rules(const Rules&) = delete;
    Rules& operator=(const Rules&) = delete;

    void allow(const std::filesystem::path& path, std::uint64_t rights) {
        const int at = ::open(path.c_str(), O_PATH | O_CLOEXEC);
        if (at < 0) return;  // what is not there cannot be read; a missing folder fails at its use
        struct stat found {};
        const bool folder = ::fstat(at, &found) == 0 && S_ISDIR(found.st_mode);
        landlock_path_beneath_attr rule{};
        rule.allowed_access = folder ? rights : rights & read_file;
        rule.parent_fd = at;
        const auto done =
            ::syscall(SYS_landlock_add_rule, fd_, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
        const int error = errno;
        ::close(at);
        if (done != 0) fail(error, "cannot allow the files that this process needs");
    }
    void enforce() const {
        if (::syscall(SYS_landlock_restrict_self, fd_, 0) != 0)
            fail(errno, "cannot restrict the files that this process may use");
    }

 private:
    int fd_;
};

bool has_landlock() {
    return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

bool restrict_files(const SandboxOptions& options) {
    if (!has_landlock()) return false;
    Rules rules;
    for (const auto* path : system_files)
        rules.allow(path, read_folder);
    for (const auto& path : options.read)
        rules.allow(path, read_folder);
    for (const auto& path : options.write)
        rules.allow(path, write_folder);
    rules.enforce();
    return true;
}

// --- calls ---

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif
#else
constexpr bool sanitized = false;
#endif

constexpr std::array allowed{
    // files
    "read", "write", "readv", "writev", "pread64", "pwrite64", "open", "openat", "close", "fstat",
    "newfstatat", "stat", "lstat", "statx", "lseek", "ftruncate", "fsync", "fdatasync", "rename",
    "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "getdents64",
    "flock", "fcntl", "fallocate", "dup", "dup2", "dup3", "pipe2", "access", "faccessat",
    "faccessat2", "readlink", "readlinkat", "chmod", "fchmod", "fchmodat", "getcwd", "statfs",
    "fstatfs", "umask", "link", "linkat",
    // memory
    "mmap", "munmap", "mremap", "mprotect", "madvise", "mlock", "mlock2", "munlock", "brk",
    "membarrier", "rseq",
    // threads and signals
    "futex", "set_robust_list", "get_robust_list", "sched_yield", "sched_getaffinity",
    "sched_setaffinity", "sched_getparam", "sched_setscheduler", "sched_getscheduler",
    "sched_setattr", "sched_getattr", "sched_get_priority_min", "sched_get_priority_max", "gettid",
    "getpid", "exit", "exit_group", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigtimedwait", "sigaltstack", "restart_syscall", "set_tid_address",
    // time and waiting
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "adjtimex", "clock_adjtime",  // to read the state: a change needs CAP_SYS_TIME
    "timerfd_create", "timerfd_settime", "timerfd_gettime", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "poll", "ppoll", "select", "pselect6",
    // sockets
    "bind", "listen", "accept", "accept4", "connect", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg", "recvmmsg", "shutdown",
    // facts about this process and the machine
    "getuid", "geteuid", "getgid", "getegid", "getrandom", "getrlimit", "uname", "sysinfo",
    "getrusage"};

/// A helper's calls. To open a file is not among them, nor to send a signal to another process.
constexpr std::array allowed_to_helper{
    "read", "write", "readv", "writev", "close", "fstat", "newfstatat", "lseek",
    // memory
    "munmap", "mremap", "madvise", "brk", "membarrier", "rseq",
    // its one thread
    "futex", "sched_yield", "gettid", "getpid", "exit", "exit_group", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    // time and waiting
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "timerfd_create", "timerfd_settime", "timerfd_gettime", "epoll_create1", "epoll_ctl",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "poll", "ppoll",
    // sockets
    "bind", "connect", "getsockname", "getpeername", "getsockopt", "setsockopt", "sendto",
    "sendmsg", "recvfrom", "recvmsg", "shutdown",
    // facts about this process and the machine
    "getuid", "geteuid", "getgid", "getegid", "getrandom", "getrlimit", "uname"};

/// The calls of a helper that only connects. What it reads and writes is added below.
constexpr std::array allowed_to_connector{
    // memory
    "munmap", "mremap", "madvise", "brk", "membarrier", "rseq",
    // its one thread
    "futex", "sched_yield", "gettid", "getpid", "exit", "exit_group", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall",
    // waiting, connections
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "connect",
    // facts about this process and the machine
    "getrandom", "getrlimit"};

/// No daemon ever calls these. An attacker's next step often does.
constexpr std::array deadly{"execve",
                            "execveat",
                            "ptrace",
                            "process_vm_readv",
                            "process_vm_writev",
                            "kexec_load",
                            "init_module",
                            "finit_module",
                            "bpf",
                            "userfaultfd",
                            "io_uring_setup",
                            "perf_event_open",
                            "mount",
                            "umount2",
                            "pivot_root",
                            "setns",
                            "unshare",
                            "keyctl",
                            "add_key",
                            "request_key",
                            "setuid",
                            "setgid",
                            "setreuid",
                            "setresuid",
                            "personality"};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

void add(const Filter& filter, std::uint32_t action, const char* name,
         std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int call = seccomp_syscall_resolve_name(name);
    if (call < 0) return;  // this architecture has no such call
    const int error = seccomp_rule_add_array(
        filter.get(), action, call, static_cast<unsigned>(conditions.size()), conditions.begin());
    if (error < 0) fail(-error, "cannot list the system calls that this process may use");
}

// The library's macros leave a field out, which clang refuses.
scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
    return {argument, SCMP_CMP_EQ, value, 0};
}

/// Calls that are allowed with some arguments only.
void add_conditional(const Filter& filter) {
    for (const auto family : {AF_INET, AF_INET6, AF_UNIX}) {
        const auto wanted = static_cast<scmp_datum_t>(family);
        add(filter, SCMP_ACT_ALLOW, "socket", {equals(0, wanted)});
    }
    add(filter, SCMP_ACT_ALLOW, "socket", {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)});
    add(filter, SCMP_ACT_ALLOW, "socketpair", {equals(0, AF_UNIX)});
    // Threads, and no new processes. The C library asks for clone3 first, whose arguments a filter
    // cannot read; the default (ENOSYS) makes it use clone.
    add(filter, SCMP_ACT_ALLOW, "clone",
        {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}});
    // Not TIOCSTI: it types into the terminal of the person who started the daemon.
    for (const auto request : {FIONBIO, FIONREAD, FIOCLEX, SIOCOUTQ, TCGETS, TIOCGWINSZ}) {
        const auto wanted = static_cast<scmp_datum_t>(request);
        add(filter, SCMP_ACT_ALLOW, "ioctl", {equals(1, wanted)});
    }
    for (const auto option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_SET_TIMERSLACK}) {
        const auto wanted = static_cast<scmp_datum_t>(option);
        add(filter, SCMP_ACT_ALLOW, "prctl", {equals(0, wanted)});
    }
    add(filter, SCMP_ACT_ALLOW, "prlimit64", {equals(0, 0)});  // its own limits
}

/// `list` adds to the filter what is allowed, and what is deadly besides.
template <class List>
bool restrict_calls(List list) {
    if (sanitized) return false;  // a sanitizer starts a process that attaches to this one
    if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) return false;
    const Filter filter{seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release};
    if (!filter) fail(ENOMEM, "cannot restrict system calls");
    // Also for threads that libraries may have started.
    const int synced = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (synced < 0) fail(-synced, "cannot restrict the system calls of all threads");
    seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree; else a list
    for (const auto* name : deadly)
        add(filter, SCMP_ACT_KILL_PROCESS, name);
    list(filter);
    const int loaded = seccomp_load(filter.get());
    if (loaded < 0) fail(-loaded, "cannot restrict system calls");
    return true;
}

void list_for_daemon(const Filter& filter) {
    for (const auto* name : allowed)
        add(filter, SCMP_ACT_ALLOW, name);
    add_conditional(filter);
}

/// An argument of 32 bits: the kernel ignores the upper half.
scmp_arg_cmp equals_int(unsigned argument, int value) {
    constexpr scmp_datum_t low = 0xffffffff;
    return {argument, SCMP_CMP_MASKED_EQ, low, static_cast<scmp_datum_t>(value)};
}

/// TCP for SOCK_STREAM, UDP for SOCK_DGRAM. The kernel knows other protocols of these types, and
/// loads what implements them when a process asks for one.
void allow_internet_sockets(const Filter& filter, std::initializer_list<int> types) {
    constexpr scmp_datum_t kinds = 15;  // the rest are flags (socket(2))
    for (const auto family : {AF_INET, AF_INET6}) {
        for (const auto type : types) {
            const int usual = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
            for (const auto protocol : {0, usual}) {
                add(filter, SCMP_ACT_ALLOW, "socket",
                    {equals(0, static_cast<scmp_datum_t>(family)),
                     scmp_arg_cmp{1, SCMP_CMP_MASKED_EQ, kinds, static_cast<scmp_datum_t>(type)},
                     equals_int(2, protocol)});
            }
        }
    }
}

/// What every helper may do with itself.
void allow_in_a_helper(const Filter& filter) {
    // No memory that can be run.
    for (const auto* name : {"mmap", "mprotect"})
        add(filter, SCMP_ACT_ALLOW, name, {scmp_arg_cmp{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}});
    add(filter, SCMP_ACT_ALLOW, "prlimit64", {equals(0, 0)});  // its own limits
    add(filter, SCMP_ACT_ALLOW, "tgkill",                      // abort()
        {equals(0, static_cast<scmp_datum_t>(::getpid()))});
}

void list_for_helper(const Filter& filter) {
    for (const auto* name : allowed_to_helper)
        add(filter, SCMP_ACT_ALLOW, name);
    allow_internet_sockets(filter, {SOCK_DGRAM, SOCK_STREAM});
    allow_in_a_helper(filter);
    for (const auto request : {FIONBIO, FIONREAD, FIOCLEX})
        add(filter, SCMP_ACT_ALLOW, "ioctl", {equals(1, static_cast<scmp_datum_t>(request))});
    // Not F_SETOWN and F_SETSIG: with them the kernel sends any signal to any process of the user.
    for (const auto command : {F_GETFD, F_SETFD, F_GETFL, F_SETFL})
        add(filter, SCMP_ACT_ALLOW, "fcntl", {equals(1, static_cast<scmp_datum_t>(command))});
}

/// Messages on the helper's link alone, and nothing that could put another socket in its place.
void list_for_connector(const Filter& filter) {
    for (const auto* name : allowed_to_connector)
        add(filter, SCMP_ACT_ALLOW, name);
    allow_internet_sockets(filter, {SOCK_STREAM});
    allow_in_a_helper(filter);
    for (const auto* name : {"sendmsg", "recvmsg"})
        add(filter, SCMP_ACT_ALLOW, name, {equals_int(0, helper_link)});
    add(filter, SCMP_ACT_ALLOW, "getsockopt", {equals_int(1, SOL_SOCKET), equals_int(2, SO_ERROR)});
    // Descriptors above the link: one of the bits from 4 on is set.
    static_assert(helper_link == 3);
    for (unsigned bit = 2; bit < 31; ++bit) {
        const auto value = scmp_datum_t{1} << bit;
        add(filter, SCMP_ACT_ALLOW, "close", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, value, value}});
    }
}

/// A helper opens no file.
bool restrict_helper_files() {
    if (!has_landlock()) return false;
    Rules nothing;
    if (sanitized) nothing.allow("/proc/self", read_folder);  // the sanitizer looks there at exit
    nothing.enforce();
    return true;
}

/// `list`: as in restrict_calls().
template <class List>
Sandbox confine_helper(List list) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(errno, "cannot forbid new privileges");
    Sandbox sandbox;
    sandbox.files = restrict_helper_files();
    sandbox.calls = restrict_calls(list);
    return sandbox;
}

void log_gaps(const Sandbox& sandbox) {
    if (!sandbox.files) {
        log(Level::warning,
            "this kernel has no Landlock: a fault in this program could reach other files");
    }
    if (!sandbox.calls && !sanitized) {
        log(Level::warning,
            "this kernel has no seccomp: a fault in this program could use any system call");
    }
}

}  // namespace

Sandbox enter_sandbox(const SandboxOptions& options) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(errno, "cannot forbid new privileges");
    Sandbox sandbox;
    sandbox.files = restrict_files(options);
    sandbox.calls = restrict_calls(list_for_daemon);
    log_gaps(sandbox);
    return sandbox;
}

Sandbox enter_narrow_sandbox() {
    return confine_helper(list_for_helper);
}

Sandbox enter_connecting_sandbox() {
    return confine_helper(list_for_connector);
}

}  // namespace nightjar::node::process
