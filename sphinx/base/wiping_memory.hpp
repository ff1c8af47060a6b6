// Memory that is overwritten when it is freed. A program's heap otherwise keeps what was freed
// until the place is used again: pages of ended streams, names that were looked up, addresses of
// clients that have left. Whatever is freed through these functions is gone at once.
//
// A program that replaces the global operator delete by wiping_free() frees every C++ object so.
// Libraries written in C get wiping_free() and wiping_realloc() as their own: OpenSSL, c-ares. Any
// thread.
#pragma once

#include <string.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace nightjar::base {

/// Overwrites memory of malloc() and its relatives, and frees it. No effect if it is nullptr.
void wiping_free(void* memory) noexcept;
/// As realloc(), but what it leaves behind is overwritten. Returns nullptr if there is no memory;
/// the old memory then stays. A size of 0 frees it.
void* wiping_realloc(void* memory, std::size_t size) noexcept;

/// Overwrites what calls that have returned left on this thread's stack, as deep as `wiped_stack`
/// bytes below the caller.
void wipe_stack() noexcept;
inline constexpr std::size_t wiped_stack = 128 * 1024;

/// Removes an element of a table that keeps its elements in its own memory, as
/// boost::unordered_flat_map does, and overwrites the place: the table itself leaves the key there.
template <class Map>
void erase_and_wipe(Map& map, typename Map::iterator at) {
    void* place = const_cast<void*>(static_cast<const void*>(std::addressof(*at)));
    map.erase(at);
    ::explicit_bzero(place, sizeof(typename Map::value_type));
}

/// Empties a vector that keeps its memory, and overwrites what it held.
template <class T>
void clear_and_wipe(std::vector<T>& all) {
    void* place = all.data();
    const auto size = all.size() * sizeof(T);
    all.clear();
    if (size > 0) ::explicit_bzero(place, size);
}

}  // namespace nightjar::base
