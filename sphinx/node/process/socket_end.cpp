#include "sphinx/node/process/socket_end.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <boost/asio/error.hpp>
#include <cerrno>

namespace nightjar::node::process {

std::size_t unsent_bytes(int socket) {
    tcp_info info{};
    socklen_t size = sizeof info;
    // A connection that the other side has reset keeps its queue, and will never send it.
    const bool tcp = ::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) == 0;
    if (tcp ? info.tcpi_state == TCP_CLOSE : errno != EOPNOTSUPP) return 0;
    int unsent = 0;
    if (::ioctl(socket, SIOCOUTQ, &unsent) != 0) return 0;
    return static_cast<std::size_t>(unsent);
}

bool ended_before(const boost::system::error_code& write_error) {
    // A reset in the state CLOSE_WAIT is EPIPE, in any other ECONNRESET (tcp_reset in Linux).
    return write_error == boost::asio::error::broken_pipe;
}

}  // namespace nightjar::node::process
