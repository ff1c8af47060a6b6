// Active attacks: withholding, modifying and replaying packets.
#include "tests/lab/attacks/n_minus_one.hpp"
#include "tests/lab/attacks/tagging.hpp"
#include "tests/lab/attacks/withhold.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"

namespace nightjar::lab::experiments {

void active(const measure::Options& options, measure::Report& report) {
    attacks::n_minus_one(options, report);
    attacks::withhold(options, report);
    attacks::false_alarms(options, report);
    attacks::tagging(options, report);
}

}  // namespace nightjar::lab::experiments
