// The heap of this program is overwritten when it is freed (sphinx/base/wiping_memory.hpp). A
// program that links this unit replaces the global operator delete by linking it.
#pragma once

namespace nightjar::relay {

/// OpenSSL frees its memory in the same way from now on. Call it first: throws std::runtime_error
/// if OpenSSL has memory already.
void wipe_what_libraries_free();

}  // namespace nightjar::relay
