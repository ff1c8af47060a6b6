// The process in which an exit's names are looked up. It reads what name servers answer, so it
// holds no key, opens no file and can reach no other process.
#pragma once

namespace nightjar::relay::io {

/// The arguments that make this program the keeper of such processes, or one of them.
inline constexpr const char* name_keeper_verb = "name-keeper";
inline constexpr const char* name_helper_verb = "name-helper";

/// The whole of the process: answers what comes on node::process::helper_link until the other end
/// is closed. Enters its sandbox first. Throws std::runtime_error at a message that
/// parse_request() refuses.
void answer_names();

}  // namespace nightjar::relay::io
