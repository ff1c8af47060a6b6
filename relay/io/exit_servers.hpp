// What an operator must know of the name servers that an exit takes from the system.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <vector>

#include "sphinx/base/ip.hpp"

namespace nightjar::relay::io {

/// The system's list, read now. Throws std::runtime_error if c-ares, which reads it, does not
/// start.
std::vector<base::IpEndpoint> system_servers(const boost::asio::any_io_executor& executor);

/// Logs the servers, and warns if the system's list of them cannot be opened: c-ares then asks
/// 127.0.0.1 and says nothing.
void log_system_servers(const std::vector<base::IpEndpoint>& servers);

}  // namespace nightjar::relay::io
