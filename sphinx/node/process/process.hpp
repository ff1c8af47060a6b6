// Process settings that every daemon makes before it reads a key.
#pragma once

namespace nightjar::node::process {

/// Disables core dumps, and access by a debugger or by /proc readers of the same user. New files
/// are not readable for others. A closed pipe does not end the process. Throws std::system_error if
/// the kernel refuses: a process whose keys could end up in a core dump must not load them.
void harden_process();

/// libsodium ends the process if the system gives no random numbers, because every key would be
/// weak. From now on it says so before. Call this first of all.
void explain_missing_randomness();

/// Raises the limit of open files to the hard limit.
void raise_descriptor_limit();

}  // namespace nightjar::node::process
