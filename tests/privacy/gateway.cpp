#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

void gateway(const Options&, Report&) {}

}  // namespace nightjar::privacy
