#include "sphinx/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace nightjar::base {

void check_failed(const char* what) {
    std::fprintf(stderr, "%s\n", what);
    std::abort();
}

}  // namespace nightjar::base
