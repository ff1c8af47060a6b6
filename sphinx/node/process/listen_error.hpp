// The error line for a port that cannot be bound.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::process {

/// `key`: the setting that the operator should change.
node::process::StartupError cannot_listen(const boost::asio::ip::tcp::endpoint& address,
                                          const boost::system::error_code& error, const char* key);

}  // namespace nightjar::node::process
