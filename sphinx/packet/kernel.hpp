// Which code the batch functions run. Chosen once by what the processor and the system offer; tests
// and benchmarks force another choice, so that one machine runs every kernel that it can.
#pragma once

namespace nightjar::packet {

enum class Kernel {
    portable,  // libsodium and OpenSSL, one packet at a time
    avx2,      // AVX2 and FMA: four packets in step
    ifma,      // AVX-512 with IFMA: eight packets in step, or four
};

/// Whether this processor and system can run it. portable always can.
bool available(Kernel kernel);
/// The best available one, unless forced.
Kernel kernel();
/// From now on, for all threads. Throws std::invalid_argument if it is not available.
void force_kernel(Kernel kernel);

/// "portable", "avx2" or "ifma".
const char* to_string(Kernel kernel);

/// Whether the processor has the SHA instructions (and SSE4.1, which their use needs).
bool has_sha_instructions();

}  // namespace nightjar::packet
