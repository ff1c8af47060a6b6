// Active attacks: withholding, modifying and replaying packets.
#include "tests/privacy/experiment.hpp"
#include "tests/privacy/tagging.hpp"
#include "tests/privacy/withhold.hpp"

namespace nightjar::privacy {

void active(const Options& options, Report& report) {
    withhold(options, report);
    false_alarms(options, report);
    tagging(options, report);
}

}  // namespace nightjar::privacy
