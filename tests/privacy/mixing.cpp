#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

void mixing(const Options&, Report&) {}

}  // namespace nightjar::privacy
