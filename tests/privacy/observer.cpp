#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

void observer(const Options&, Report&) {}

}  // namespace nightjar::privacy
