#include "relay/metrics/declarations.hpp"

namespace nightjar::relay::metrics {
namespace {

char class_letter(Class shown) {
    switch (shown) {
        case Class::S:
            return 'S';
        case Class::W:
            return 'W';
        case Class::L:
            break;
    }
    return 'L';
}

std::string release_text(const Declaration& metric) {
    const auto amount = [&](std::uint64_t value) {
        if (metric.unit == "bytes") return std::to_string(value / mebibyte) + " MiB";
        return std::to_string(value) + " " + std::string{metric.unit};
    };
    switch (metric.release) {
        case Release::noised:
            return amount(metric.quantum) + ", noise for " + amount(metric.sensitivity);
        case Release::stepped:
            return metric.quantum == 0 ? "steps" : "steps of " + amount(metric.quantum);
        case Release::derived:
            return "from noised values";
        case Release::exact:
            break;
    }
    return "exact";
}

}  // namespace

std::string table_rows() {
    std::string rows;
    for (const auto& metric : declarations) {
        rows += "| `" + std::string{metric.name};
        if (!metric.labels.empty()) rows += "{" + std::string{metric.labels} + "}";
        rows += std::string{"` | "} + class_letter(metric.shown.value) + " | " +
                (metric.counter ? "counter" : "gauge") + " | " + release_text(metric) + " | " +
                std::string{metric.help} + " |\n";
    }
    return rows;
}

}  // namespace nightjar::relay::metrics
