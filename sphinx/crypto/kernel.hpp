// Selects the code that the batch functions run. Chosen once, by what the processor and the
// operating system support. Tests and benchmarks force another choice, so that one machine tests
// every kernel it can run.
#pragma once

namespace nightjar::crypto {

enum class Kernel {
    portable,  // libsodium and OpenSSL, one packet at a time
    avx2,      // AVX2 and FMA: four packets in parallel
    ifma,      // AVX-512 with IFMA: eight packets in parallel, or four
};

/// True if this processor and system can run the kernel. `portable` is always available.
bool available(Kernel kernel);
/// The kernel in force: the best available one, unless another was forced.
Kernel kernel();
/// Selects a kernel for all threads from now on. Throws std::invalid_argument if it is not
/// available.
void force_kernel(Kernel kernel);

/// "portable", "avx2" or "ifma".
const char* to_string(Kernel kernel);

/// True if the processor has the SHA instructions and SSE4.1, which our code for them needs.
bool has_sha_instructions();

}  // namespace nightjar::crypto
