// How a TCP connection ends, where the system's calls alone do not say it. I/O thread only.
#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace nightjar::node::process {

/// The bytes that the kernel holds and the other side has not acknowledged. 0 if the socket is
/// closed or broken: nothing more will arrive.
std::size_t unsent_bytes(boost::asio::ip::tcp::socket& socket);

/// Ends the connection by a TCP reset; what the kernel has not sent is lost. An orderly close could
/// be mistaken for the end of a complete answer.
void abort_connection(boost::asio::ip::tcp::socket& socket);

/// True if a write failed after the other side had ended its own direction: what it sent before is
/// complete. After any other failure Linux reports an end of file that no FIN announced.
bool ended_before(const boost::system::error_code& write_error);

}  // namespace nightjar::node::process
