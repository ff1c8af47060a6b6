// The error line for a port that cannot be bound.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include "sphinx/node/exit_code.hpp"

namespace nightjar::relay {

/// `key`: the setting that the operator should change.
node::StartupError cannot_listen(const boost::asio::ip::tcp::endpoint& address,
                                 const boost::system::error_code& error, const char* key);

}  // namespace nightjar::relay
