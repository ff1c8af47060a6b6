// A secret that lives for hours or longer: in pages of its own, which the system neither swaps nor
// writes into a core dump, which are read-only, and which stand between pages that nothing may
// touch. They are wiped when they are freed.
//
// `Secret` is for what lives as long as a call.
#pragma once

#include <sodium.h>

#include <cassert>
#include <memory>
#include <new>
#include <utility>

namespace nightjar::base {

/// Pages for `size` bytes, not in core dumps, and writable. Throws std::bad_alloc.
void* new_locked_pages(std::size_t size);
/// True if the system keeps these pages of new_locked_pages() out of the swap.
bool lock_pages(void* pages, std::size_t size) noexcept;

/// Owns one constant T. Moves only; a moved-from or default one holds nothing. Any thread may read.
template <class T>
class Locked {
 public:
    Locked() = default;
    /// Throws std::bad_alloc. If the system does not allow to lock the pages, that is not an error:
    /// see locked().
    explicit Locked(T&& value) {
        void* pages = new_locked_pages(sizeof(T));
        locked_ = lock_pages(pages, sizeof(T));
        held_.reset(new (pages) T{std::move(value)});
        sodium_mprotect_readonly(pages);
    }

    /// Precondition: it holds something.
    const T& operator*() const {
        assert(held_);
        return *held_;
    }
    const T* operator->() const { return &**this; }
    /// The pages are locked in memory. False: the process may lock no more (RLIMIT_MEMLOCK).
    bool locked() const { return locked_; }

 private:
    struct Free {
        void operator()(T* value) const {
            sodium_mprotect_readwrite(value);
            std::destroy_at(value);
            sodium_free(value);
        }
    };
    std::unique_ptr<T, Free> held_;
    bool locked_ = false;
};

}  // namespace nightjar::base
