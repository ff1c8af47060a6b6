// How a stream socket's connection ends, where the system's calls alone do not say it. I/O thread
// only.
#pragma once

#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>
#include <cstddef>

namespace nightjar::node::process {

/// The bytes that the kernel holds and the other side has not acknowledged. 0 if the socket is
/// closed or broken: nothing more will arrive. Of a unix socket: those that the other side has not
/// read.
std::size_t unsent_bytes(int socket);
template <typename Socket>
std::size_t unsent_bytes(Socket& socket) {
    return socket.is_open() ? unsent_bytes(socket.native_handle()) : 0;
}

/// From now on the system ends the connection by a TCP reset, unless close_in_order() ends it: also
/// when this process is killed. The default is a FIN, and the other side would take it for the end
/// of complete data. Asio's destructor still sends a FIN: call abort_connection() first. A unix
/// socket has no reset.
template <typename Socket>
void reset_unless_closed(Socket& socket) {
    boost::system::error_code ignored;
    if (socket.is_open()) socket.set_option(boost::asio::socket_base::linger{true, 0}, ignored);
}

/// Closes the connection; the system still sends what it holds, and a FIN.
template <typename Socket>
void close_in_order(Socket& socket) {
    boost::system::error_code ignored;
    if (socket.is_open()) socket.set_option(boost::asio::socket_base::linger{false, 0}, ignored);
    socket.close(ignored);
}

/// Ends the connection by a TCP reset; what the kernel has not sent is lost. An orderly close could
/// be mistaken for the end of a complete answer. A unix socket has no reset: it is only closed.
template <typename Socket>
void abort_connection(Socket& socket) {
    reset_unless_closed(socket);
    boost::system::error_code ignored;
    socket.close(ignored);
}

/// True if a write failed after the other side had ended its own direction: what it sent before is
/// complete. After any other failure Linux reports an end of file that no FIN announced.
bool ended_before(const boost::system::error_code& write_error);

}  // namespace nightjar::node::process
