#include "tests/lab/attacks/mix_summary.hpp"

#include <algorithm>
#include <cmath>

#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::attacks {

std::size_t edge(double per_second) {
    return static_cast<std::size_t>(per_second * edge_s);
}

MixSummary summary(const measure::RelayTrace& trace, double per_second) {
    const auto targets = posterior(trace);
    const auto skipped = edge(per_second);
    MixSummary made;
    std::vector<double> bits;
    for (auto i = skipped; i + skipped < targets.size(); ++i) {
        bits.push_back(targets[i].entropy_bits);
        made.best_guess += targets[i].best_guess;
        made.surprise += targets[i].surprise_bits;
        made.alone += targets[i].pool == 1;
    }
    const auto count = static_cast<double>(bits.size());
    made.mean = measure::mean(bits);
    for (auto* sum : {&made.best_guess, &made.surprise, &made.alone})
        *sum /= count;
    for (const auto p : {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99})
        made.quantiles.push_back(measure::quantile(bits, p));
    made.least = measure::quantile(std::move(bits), 0);
    return made;
}

double formula_bits(double load) {
    return std::log2(std::exp(1.0) * load);
}

void MixDistances::judge(const MixSummary& ours, const MixSummary& best, double load) {
    const auto raise = [](double& worst, double value) { worst = std::max(worst, value); };
    raise(to_ideal, std::abs(best.mean - ours.mean));
    raise(surprise, std::abs(ours.surprise - ours.mean));
    raise(alone, std::abs(ours.alone - std::exp(-load)));
    if (load >= 10) {
        raise(to_formula, std::abs(formula_bits(load) - ours.mean));
        raise(p5, best.p5() - ours.p5());
    }
    if (load >= 20) raise(least, best.least - ours.least);
}

void MixDistances::report(measure::Report& report) const {
    report.at_most("entropy per hop, distance to the ideal mix, worst of 7 loads, bit", to_ideal,
                   0.05);
    report.at_most("entropy per hop, distance to log2(e lambda/mu), worst of 4 loads, bit",
                   to_formula, 0.05);
    // Else the posterior would not be the right one for this queue, and its entropy no measure.
    report.at_most("entropy per hop against the surprise of what happened, worst of 7 loads, bit",
                   surprise, 0.05);
    report.at_most("share that leaves from a pool of one, distance to e^-load, worst of 7 loads",
                   alone, 0.01);
    report.at_most(
        "entropy per hop of one packet in 20, less than the ideal mix, worst of 4 loads, bit", p5,
        0.1);
    report.at_most("least entropy per hop, less than the ideal mix, worst of 3 loads, bit", least,
                   0.25);
}

}  // namespace nightjar::lab::attacks
