// What every daemon does to its own process before it reads a key.
#pragma once

namespace nightjar::node {

/// No core dump, no debugger or /proc reader of the same user, no file of ours that others may
/// read, and no death by a closed pipe. Throws std::system_error if the kernel refuses: a process
/// that could leave its keys in a core must not load them.
void harden_process();

/// Takes as many file descriptors as the hard limit allows.
void raise_descriptor_limit();

}  // namespace nightjar::node
