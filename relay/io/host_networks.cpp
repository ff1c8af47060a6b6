#include "relay/io/host_networks.hpp"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>

#include "sphinx/node/process/completion.hpp"

namespace nightjar::relay::io {

namespace asio = boost::asio;

namespace {

std::optional<base::IpAddress> to_ip(const sockaddr* at) {
    if (at == nullptr) return std::nullopt;
    base::IpAddress address;
    if (at->sa_family == AF_INET) {
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in*>(at)->sin_addr, 4);
    } else if (at->sa_family == AF_INET6) {
        address.v6 = true;
        std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(at)->sin6_addr,
                    16);
    } else {
        return std::nullopt;
    }
    return address;
}

int prefix_of(const base::IpAddress& mask) {
    int bits = 0;
    for (const auto byte : mask.bytes)
        bits += std::popcount(byte);
    return bits;
}

int open_socket() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    sockaddr_nl at{};
    at.nl_family = AF_NETLINK;
    at.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0) return fd;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    throw std::system_error{error, std::generic_category(), "cannot watch this host's addresses"};
}

/// Reads what is there. The messages themselves do not matter: the list is read anew.
void drain(int fd) {
    std::array<char, 8192> buffer;
    for (;;) {
        if (::recv(fd, buffer.data(), buffer.size(), 0) >= 0) continue;
        // ENOBUFS: the kernel dropped messages, and more may follow.
        if (errno != ENOBUFS && errno != EINTR) return;
    }
}

}  // namespace

std::vector<base::IpNetwork> host_networks() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) {
        throw std::system_error{errno, std::generic_category(),
                                "cannot read this host's addresses"};
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner{first, &::freeifaddrs};
    std::vector<base::IpNetwork> networks;
    for (const auto* one = first; one != nullptr; one = one->ifa_next) {
        const auto address = to_ip(one->ifa_addr);
        if (!address) continue;
        const auto mask = to_ip(one->ifa_netmask);
        const int prefix = mask ? prefix_of(*mask) : address->bits();
        const int least = address->v6 ? 16 : 8;
        networks.push_back({*address, prefix < least ? address->bits() : prefix});
        if ((one->ifa_flags & IFF_POINTOPOINT) == 0) continue;
        if (const auto peer = to_ip(one->ifa_dstaddr)) networks.push_back({*peer, peer->bits()});
    }
    return networks;
}

HostNetworksWatch::HostNetworksWatch(const asio::any_io_executor& executor)
    : socket_{executor, open_socket()} {}

asio::awaitable<bool> HostNetworksWatch::changed() {
    using asio::posix::stream_descriptor;
    const auto [error] =
        co_await socket_.async_wait(stream_descriptor::wait_read, node::process::as_result);
    if (error) co_return false;
    // An interface that comes up gets several addresses at once.
    asio::steady_timer timer{socket_.get_executor(), std::chrono::seconds{1}};
    const auto [interrupted] = co_await timer.async_wait(node::process::as_result);
    if (interrupted || !socket_.is_open()) co_return false;
    drain(socket_.native_handle());
    co_return true;
}

void HostNetworksWatch::stop() {
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace nightjar::relay::io
