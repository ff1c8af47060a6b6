// Runs every case once per kernel that this processor supports, or only under the kernel that
// NIGHTJAR_KERNEL names.
#include <doctest/doctest.h>

#include <iostream>

#include "tests/support/kernels.hpp"

int main(int argc, char** argv) {
    using nightjar::crypto::available;
    int failures = 0;
    for (const auto kernel : nightjar::testing::wanted_kernels()) {
        if (!available(kernel)) {
            std::cout << "measured: kernel " << to_string(kernel) << " not on this processor\n";
            continue;
        }
        std::cout << "measured: kernel " << to_string(kernel) << '\n';
        nightjar::crypto::force_kernel(kernel);
        failures += doctest::Context{argc, argv}.run();
    }
    return failures == 0 ? 0 : 1;
}
