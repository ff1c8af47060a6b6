#include "sphinx/crypto/kernel.hpp"

#include <atomic>
#include <stdexcept>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nightjar::crypto {

namespace {

// __builtin_cpu_supports also checks that the system saves the wide registers.
bool has_ifma() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512ifma");
#else
    return false;
#endif
}

bool has_avx2() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

Kernel best() {
    if (available(Kernel::ifma)) return Kernel::ifma;
    if (available(Kernel::avx2)) return Kernel::avx2;
    return Kernel::portable;
}

std::atomic<Kernel>& chosen() {
    static std::atomic<Kernel> choice{best()};
    return choice;
}

}  // namespace

bool available(Kernel kernel) {
    static const bool ifma = has_ifma();
    static const bool avx2 = has_avx2();
    switch (kernel) {
        case Kernel::portable:
            return true;
        case Kernel::avx2:
            return avx2;
        case Kernel::ifma:
            return ifma;
    }
    return false;
}

Kernel kernel() {
    return chosen().load(std::memory_order_relaxed);
}

void force_kernel(Kernel kernel) {
    if (!available(kernel))
        throw std::invalid_argument(std::string{"this processor cannot run the kernel "} +
                                    to_string(kernel));
    chosen().store(kernel, std::memory_order_relaxed);
}

const char* to_string(Kernel kernel) {
    switch (kernel) {
        case Kernel::portable:
            return "portable";
        case Kernel::avx2:
            return "avx2";
        case Kernel::ifma:
            return "ifma";
    }
    return "?";
}

bool has_sha_instructions() {
#if defined(__x86_64__)
    static const bool found = [] {
        unsigned a = 0, b = 0, c = 0, d = 0;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0 &&
               __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
    }();
    return found;
#else
    return false;
#endif
}

}  // namespace nightjar::crypto
