#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

void active(const Options&, Report&) {}

}  // namespace nightjar::privacy
