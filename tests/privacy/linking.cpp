#include "tests/privacy/experiment.hpp"

namespace nightjar::privacy {

void linking(const Options&, Report&) {}

}  // namespace nightjar::privacy
