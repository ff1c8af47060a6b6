#include "sphinx/base/wiping_memory.hpp"

#include <malloc.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

namespace nightjar::base {

void wiping_free(void* memory) noexcept {
    if (memory == nullptr) return;
    ::explicit_bzero(memory, ::malloc_usable_size(memory));
    std::free(memory);
}

void* wiping_realloc(void* memory, std::size_t size) noexcept {
    if (memory == nullptr) return std::malloc(size);
    if (size == 0) {
        wiping_free(memory);
        return nullptr;
    }
    // realloc() itself would leave the old bytes where they were.
    auto* moved = std::malloc(size);
    if (moved == nullptr) return nullptr;
    ::memcpy(moved, memory, std::min(size, ::malloc_usable_size(memory)));
    wiping_free(memory);
    return moved;
}

[[gnu::noinline]] void wipe_stack() noexcept {
    std::array<std::uint8_t, wiped_stack> below;
    ::explicit_bzero(below.data(), below.size());
}

}  // namespace nightjar::base
