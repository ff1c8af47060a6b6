// Linked to every libFuzzer target: how deep its inputs came, when the run ends without a finding.
#include <cstdlib>

#include "tests/fuzz/depth.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    return std::atexit([] { nightjar::fuzz::Depth::print(); });
}
