// Which names the client passes on to an exit, and the exit to a name server.
#pragma once

#include <string_view>

namespace nightjar::base {

/// True for letters, digits, '-', '_' and '.', labels of 1 to 63 bytes, at most 253 bytes in all,
/// one final dot allowed. The last label must not be a number: resolvers read 127.1, 0x7f000001 or
/// 2130706433 as addresses. Literal IP addresses are not host names.
bool is_host_name(std::string_view name);

}  // namespace nightjar::base
