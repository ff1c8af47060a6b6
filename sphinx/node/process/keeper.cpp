#include "sphinx/node/process/keeper.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

namespace nightjar::node::process {

namespace {

constexpr char start_helper = 's';
constexpr char kill_helper = 'k';
constexpr char is_here = 'h';  // with the helper's link
constexpr char is_not = 'n';

struct Pair {
    int near = -1;
    int far = -1;
};

bool make_pair(Pair& pair) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return false;
    pair = {ends[0], ends[1]};
    return true;
}

/// Between fork() and execve(): what may be called here is little (signal-safety(7)).
[[noreturn]] void become(const char* program, const char* verb, int end) {
    if (end == helper_link)
        ::fcntl(end, F_SETFD, 0);
    else
        ::dup2(end, helper_link);
    const int nothing = ::open("/dev/null", O_RDONLY);  // not what the daemon reads, as a terminal
    if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
    ::close_range(helper_link + 1, ~0U, 0);
    const std::array<const char*, 3> arguments{program_invocation_short_name, verb, nullptr};
    ::execv(program, const_cast<char* const*>(arguments.data()));
    ::_exit(127);
}

/// The new process's id; -1 if the system does not let this one start it.
pid_t start(const char* program, const char* verb, const Pair& pair) {
    const auto started = ::fork();
    if (started == 0) become(program, verb, pair.far);
    ::close(pair.far);
    return started;
}

void kill_and_reap(pid_t& helper) {
    if (helper > 0 && ::kill(helper, SIGKILL) == 0)
        while (::waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {
        }
    helper = -1;
}

/// Sends `link`, if it is one, with the byte.
void answer(char said, int link) {
    iovec text{&said, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    if (link >= 0) {
        message.msg_control = room.data();
        message.msg_controllen = room.size();
        auto* const part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(part), &link, sizeof link);
    }
    ::sendmsg(helper_link, &message, MSG_NOSIGNAL);
}

pid_t start_and_answer(const char* verb) {
    Pair pair;
    if (!make_pair(pair)) {
        answer(is_not, -1);
        return -1;
    }
    const auto helper = start("/proc/self/exe", verb, pair);
    answer(helper > 0 ? is_here : is_not, helper > 0 ? pair.near : -1);
    ::close(pair.near);
    return helper;
}

}  // namespace

Keeper Keeper::start(const char* verb, const char* program) {
    Pair pair;
    if (!make_pair(pair) || process::start(program, verb, pair) < 0)
        throw std::system_error{errno, std::generic_category(), "cannot start a helper's process"};
    return Keeper{pair.near};
}

Keeper::Keeper(Keeper&& other) noexcept : control_{std::exchange(other.control_, -1)} {}

Keeper::~Keeper() {
    if (control_ >= 0) ::close(control_);
}

/// If it fails, the keeper has ended: take() says so.
void Keeper::send(char request) {
    ::send(control_, &request, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Keeper::ask_for_helper() {
    send(start_helper);
}

void Keeper::end_helper() {
    send(kill_helper);
}

Keeper::News Keeper::take() {
    char said = 0;
    iovec text{&said, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    const auto size = ::recvmsg(control_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (size != 1) return {News::Kind::keeper_gone, -1};
    const auto* const part = CMSG_FIRSTHDR(&message);
    // Without a free descriptor the kernel delivers the byte alone.
    if (said != is_here || part == nullptr || part->cmsg_type != SCM_RIGHTS)
        return {News::Kind::no_helper, -1};
    News news{News::Kind::helper, -1};
    std::memcpy(&news.link, CMSG_DATA(part), sizeof news.link);
    return news;
}

void keep_helpers(const char* verb) {
    for (const auto number : {SIGTERM, SIGINT, SIGHUP})
        std::signal(number, SIG_IGN);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        throw std::system_error{errno, std::generic_category(), "cannot forbid new privileges"};
    pid_t helper = -1;
    for (;;) {
        char request = 0;
        const auto size = ::recv(helper_link, &request, 1, 0);
        if (size < 0 && errno == EINTR) continue;
        kill_and_reap(helper);
        if (size != 1) return;
        if (request == start_helper) helper = start_and_answer(verb);
    }
}

void leave_the_log() {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0 || ::dup2(nothing, STDOUT_FILENO) < 0 || ::dup2(nothing, STDERR_FILENO) < 0)
        throw std::system_error{errno, std::generic_category(), "cannot leave the daemon's log"};
    ::close(nothing);
}

bool has_helper_link() {
    int type = 0;
    socklen_t size = sizeof type;
    return ::getsockopt(helper_link, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
           type == SOCK_SEQPACKET;
}

}  // namespace nightjar::node::process
