#include "client/operation/metrics.hpp"

#include <cstdint>
#include <utility>

namespace nightjar::client::operation {

namespace {

/// A sample: the label's value, if the metric has a label, and the number.
struct Sample {
    std::string_view label;
    std::int64_t value;
};
using Samples = std::array<std::optional<Sample>, declared_metrics.size()>;

/// In the order of declared_metrics.
Samples samples(const MetricsFacts& facts) {
    const auto number = [](std::int64_t value) { return Sample{{}, value}; };
    Samples made{Sample{facts.version, 1}, Sample{facts.state, 1}, number(facts.link_up ? 1 : 0)};
    if (!facts.problem.empty()) made[3] = Sample{facts.problem, 1};
    if (facts.epoch) made[4] = number(static_cast<std::int64_t>(facts.epoch->value));
    if (facts.valid_until) made[5] = number(base::unix_seconds(*facts.valid_until));
    if (facts.clock_synchronised) made[6] = number(*facts.clock_synchronised ? 1 : 0);
    made[7] = number(base::unix_seconds(facts.process_start));
    return made;
}

}  // namespace

std::string metrics_text(const MetricsFacts& facts) {
    const auto all = samples(facts);
    std::string text;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!all[i]) continue;
        const std::string name{declared_metrics[i].name};
        text += "# HELP " + name + " ";
        text += declared_metrics[i].help;
        text += "\n# TYPE " + name + " gauge\n" + name;
        if (const auto label = declared_metrics[i].label; !label.empty()) {
            text += "{";
            text += label;
            text += "=\"";
            text += all[i]->label;
            text += "\"}";
        }
        text += " " + std::to_string(all[i]->value) + "\n";
    }
    return text;
}

std::string metrics_rows() {
    std::string rows;
    for (const auto& metric : declared_metrics) {
        rows += "| `";
        rows += metric.name;
        if (!metric.label.empty()) {
            rows += "{";
            rows += metric.label;
            rows += "}";
        }
        rows += "` | ";
        rows += metric.help;
        rows += " |\n";
    }
    return rows;
}

}  // namespace nightjar::client::operation
