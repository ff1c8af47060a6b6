#include "sphinx/base/locked.hpp"

#include <cstddef>

namespace nightjar::base {

void* new_locked_pages(std::size_t size) {
    if (sodium_init() < 0) throw std::bad_alloc{};
    void* pages = sodium_malloc(size);
    if (pages == nullptr) throw std::bad_alloc{};
    return pages;
}

bool lock_pages(void* pages, std::size_t size) noexcept {
    // sodium_malloc() locks too, but does not say whether it could. Pages that are locked already
    // count once.
    return sodium_mlock(pages, size) == 0;
}

}  // namespace nightjar::base
