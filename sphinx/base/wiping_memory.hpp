// Memory that is overwritten when it is freed. A program's heap otherwise keeps what was freed
// until the place is used again: pages of ended streams, names that were looked up, addresses of
// clients that have left. Whatever is freed through these functions is gone at once.
//
// A program that links wiping_new.cpp frees every C++ object so. Libraries written in C get
// wiping_free() and wiping_realloc() as their own: OpenSSL, c-ares. Any thread.
#pragma once

#include <cstddef>

namespace nightjar::base {

/// Overwrites memory of malloc() and its relatives, and frees it. No effect if it is nullptr.
void wiping_free(void* memory) noexcept;
/// As realloc(), but what it leaves behind is overwritten. Returns nullptr if there is no memory;
/// the old memory then stays. A size of 0 frees it.
void* wiping_realloc(void* memory, std::size_t size) noexcept;

}  // namespace nightjar::base
