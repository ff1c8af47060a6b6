// Runs a test under every kernel that this machine supports, and reports the missing ones.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "sphinx/crypto/kernel.hpp"

namespace nightjar::testing {

/// All kernels, or the one that NIGHTJAR_KERNEL names. Throws if the name is unknown.
inline std::vector<crypto::Kernel> wanted_kernels() {
    const std::vector all{crypto::Kernel::portable, crypto::Kernel::avx2, crypto::Kernel::ifma};
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
    explicit KernelScope(crypto::Kernel kernel) : before_{crypto::kernel()} {
        crypto::force_kernel(kernel);
    }
    ~KernelScope() { crypto::force_kernel(before_); }
    KernelScope(const KernelScope&) = delete;
    KernelScope& operator=(const KernelScope&) = delete;

 private:
    crypto::Kernel before_;
};

/// Calls test(kernel) with each wanted kernel in force.
template <class Test>
void with_every_kernel(Test test) {
    for (const auto kernel : wanted_kernels()) {
        // A string, because doctest prints the address of a character pointer.
        const std::string name = crypto::to_string(kernel);
        if (!crypto::available(kernel)) {
            MESSAGE("this processor cannot run the kernel ", name);
            continue;
        }
        const KernelScope forced{kernel};
        CAPTURE(name);
        test(kernel);
    }
}

}  // namespace nightjar::testing
