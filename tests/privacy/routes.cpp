#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

void routes(const Options&, Report&) {}

}  // namespace nightjar::privacy
