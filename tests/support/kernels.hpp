// Runs a test under every kernel that this machine supports, and reports the missing ones.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "sphinx/packet/kernel.hpp"

namespace nightjar::testing {

/// All kernels, or the one that NIGHTJAR_KERNEL names. Throws if the name is unknown.
inline std::vector<packet::Kernel> wanted_kernels() {
    const std::vector all{packet::Kernel::portable, packet::Kernel::avx2, packet::Kernel::ifma};
    const char* name = std::getenv("NIGHTJAR_KERNEL");
    if (name == nullptr) return all;
    for (const auto kernel : all) {
        if (std::string{name} == to_string(kernel)) return {kernel};
    }
    throw std::invalid_argument("NIGHTJAR_KERNEL: no kernel " + std::string{name});
}

/// Forces a kernel for a scope.
class KernelScope {
 public:
    explicit KernelScope(packet::Kernel kernel) : before_{packet::kernel()} {
        packet::force_kernel(kernel);
    }
    ~KernelScope() { packet::force_kernel(before_); }
    KernelScope(const KernelScope&) = delete;
    KernelScope& operator=(const KernelScope&) = delete;

 private:
    packet::Kernel before_;
};

/// Calls test(kernel) with each wanted kernel in force.
template <class Test>
void with_every_kernel(Test test) {
    for (const auto kernel : wanted_kernels()) {
        // A string, because doctest prints the address of a character pointer.
        const std::string name = packet::to_string(kernel);
        if (!packet::available(kernel)) {
            MESSAGE("this processor cannot run the kernel ", name);
            continue;
        }
        const KernelScope forced{kernel};
        CAPTURE(name);
        test(kernel);
    }
}

}  // namespace nightjar::testing
