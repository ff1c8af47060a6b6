#include "relay/wiped_heap.hpp"

#include <openssl/crypto.h>

#include <cstdlib>
#include <new>
#include <stdexcept>

#include "sphinx/base/wiping_memory.hpp"

namespace nightjar::relay {

#ifndef NIGHTJAR_SANITIZED
namespace {

void* allocate(std::size_t size, const char*, int) {
    return std::malloc(size);
}

void* reallocate(void* memory, std::size_t size, const char*, int) {
    return base::wiping_realloc(memory, size);
}

void release(void* memory, const char*, int) {
    base::wiping_free(memory);
}

}  // namespace
#endif

void wipe_what_libraries_free() {
#ifndef NIGHTJAR_SANITIZED
    if (CRYPTO_set_mem_functions(&allocate, &reallocate, &release) != 1)
        throw std::runtime_error{"OpenSSL has memory before it is told how to free it"};
#endif
}

}  // namespace nightjar::relay

// A sanitizer has its own allocator, and finds what is used after it was freed.
#ifndef NIGHTJAR_SANITIZED
// The operators new are the library's: they take their memory from malloc() and aligned_alloc().
void operator delete(void* memory) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete[](void* memory) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
    nightjar::base::wiping_free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
    nightjar::base::wiping_free(memory);
}
#endif
