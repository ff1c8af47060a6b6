#include "sphinx/node/process/socket_end.hpp"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include <boost/asio/error.hpp>

namespace nightjar::node::process {

std::size_t unsent_bytes(boost::asio::ip::tcp::socket& socket) {
    if (!socket.is_open()) return 0;
    tcp_info info{};
    socklen_t size = sizeof info;
    // A connection that the other side has reset keeps its queue, and will never send it.
    if (::getsockopt(socket.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        info.tcpi_state == TCP_CLOSE)
        return 0;
    int unsent = 0;
    if (::ioctl(socket.native_handle(), SIOCOUTQ, &unsent) != 0) return 0;
    return static_cast<std::size_t>(unsent);
}

void abort_connection(boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code ignored;
    if (socket.is_open()) socket.set_option(boost::asio::socket_base::linger{true, 0}, ignored);
    socket.close(ignored);
}

bool ended_before(const boost::system::error_code& write_error) {
    // A reset in the state CLOSE_WAIT is EPIPE, in any other ECONNRESET (tcp_reset in Linux).
    return write_error == boost::asio::error::broken_pipe;
}

}  // namespace nightjar::node::process
