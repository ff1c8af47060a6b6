// Listening TCP sockets. The service manager may have opened some of them (sd_listen_fds(3)), so a
// daemon without any right can serve a port below 1024. I/O thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace nightjar::node::process {

/// A socket that listens on `address`: the one that the service manager passed for exactly this
/// address, else a new one. Throws boost::system::system_error if it cannot be opened.
boost::asio::ip::tcp::acceptor listen_on(const boost::asio::any_io_executor& executor,
                                         const boost::asio::ip::tcp::endpoint& address);

/// Throws StartupError if the manager passed a socket that listen_on() has not returned: on its
/// port connections would wait for ever. `key`: the setting that should name the address. Call it
/// when all sockets are open.
void refuse_unused_sockets(const char* key);

}  // namespace nightjar::node::process
