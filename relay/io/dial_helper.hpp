// The process that makes an exit's TCP connections. It holds no key, opens no file, and neither
// reads nor writes a byte of what it connects: it hands each socket over to the exit.
#pragma once

namespace nightjar::relay::io {

/// The arguments that make this program the keeper of such processes, or one of them.
inline constexpr const char* dial_keeper_verb = "dial-keeper";
inline constexpr const char* dial_helper_verb = "dial-helper";

/// Does what comes on `link`, an end of a pair of SOCK_SEQPACKET sockets that blocks, until the
/// other end is closed. Throws std::runtime_error at a message that parse_dial_request() refuses,
/// and std::system_error where it cannot go on.
void make_connections(int link);

/// The whole of the process: enters its sandbox, then make_connections(helper_link).
void run_dial_helper();

}  // namespace nightjar::relay::io
