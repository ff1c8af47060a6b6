// The networks of this host's interfaces, and when they change. An exit refuses them as targets:
// such a connection would go past the host's firewall, or reach neighbours that trust the host. I/O
// thread only. Source: getifaddrs(3), rtnetlink(7).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <vector>

#include "sphinx/base/ip.hpp"

namespace nightjar::relay::io {

/// Each address of each interface with the prefix of its link, the loopback's too. A peer of a
/// point-to-point link is a network of its own. A prefix under 8 bits (IPv4) or 16 bits (IPv6)
/// would forbid much of the internet: then only the address itself is listed. Throws
/// std::system_error if the kernel does not tell.
std::vector<base::IpNetwork> host_networks();

/// Waits for changes of the host's addresses.
class HostNetworksWatch {
 public:
    /// Throws std::system_error if the kernel refuses the socket.
    explicit HostNetworksWatch(const boost::asio::any_io_executor& executor);

    /// Returns true when an address has come or gone since the last call, at most once a second;
    /// false after stop(). One call at a time.
    boost::asio::awaitable<bool> changed();
    void stop();

 private:
    boost::asio::posix::stream_descriptor socket_;
};

}  // namespace nightjar::relay::io
