#include "relay/operation/disclosed_process.hpp"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace nightjar::relay::operation {

namespace {

constexpr std::size_t descriptors_looked_at = 65'536;

int socket_option(int fd, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

void count_socket(int fd, OpenDescriptors& all) {
    const auto family = socket_option(fd, SO_DOMAIN);
    if (family != AF_INET && family != AF_INET6)
        ++all.local;
    else if (socket_option(fd, SO_TYPE) != SOCK_STREAM)
        ++all.datagrams;
    else if (socket_option(fd, SO_ACCEPTCONN) != 0)
        ++all.listeners;
    else
        ++all.connections;
}

void count(int fd, OpenDescriptors& all) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return;
    if (S_ISSOCK(status.st_mode))
        count_socket(fd, all);
    else if (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        ++all.files;
    else
        ++all.others;
}

}  // namespace

OpenDescriptors open_descriptors() {
    rlimit limit{};
    OpenDescriptors all;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return all;
    all.looked_at = std::min<std::size_t>(limit.rlim_cur, descriptors_looked_at);
    std::vector<pollfd> asked(all.looked_at);
    for (std::size_t i = 0; i < asked.size(); ++i)
        asked[i].fd = static_cast<int>(i);
    // One call for all: it marks those that are not open.
    if (::poll(asked.data(), asked.size(), 0) < 0) return all;
    for (const auto& one : asked)
        if ((one.revents & POLLNVAL) == 0) count(one.fd, all);
    return all;
}

std::string log_target() {
    struct stat status {};
    if (::fstat(STDERR_FILENO, &status) != 0) return "nowhere";
    if (S_ISSOCK(status.st_mode)) return "journal or another socket";
    if (S_ISREG(status.st_mode)) return "file";
    if (S_ISFIFO(status.st_mode)) return "pipe";
    return "terminal or device";
}

std::optional<std::uint64_t> swap_bytes() {
    struct sysinfo facts {};
    if (::sysinfo(&facts) != 0) return std::nullopt;
    return std::uint64_t{facts.totalswap} * facts.mem_unit;
}

}  // namespace nightjar::relay::operation
