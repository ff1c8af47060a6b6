#include "tests/lab/measure/experiment.hpp"

#include <chrono>
#include <utility>

namespace nightjar::lab::measure {

void Report::row(const std::string& experiment, const std::string& kind, nlohmann::json columns) {
    if (!lines_) return;
    columns["experiment"] = experiment;
    columns["kind"] = kind;
    std::fprintf(lines_, "%s\n", columns.dump().c_str());
    std::fflush(lines_);
}

void Report::verdict(const std::string& what, double value, const char* relation, double limit,
                     bool holds) {
    if (shown_) {
        std::printf("%s %s: %.4g %s %.4g\n", holds ? "measured:" : "FAILED:", what.c_str(), value,
                    relation, limit);
        std::fflush(stdout);
    }
    ++(holds ? passed_ : failed_);
    row("verdict", holds ? "passed" : "failed",
        {{"what", what}, {"value", value}, {"relation", relation}, {"limit", limit}});
}

void Report::at_most(const std::string& what, double value, double limit) {
    verdict(what, value, "<=", limit, value <= limit);
}

void Report::at_least(const std::string& what, double value, double limit) {
    verdict(what, value, ">=", limit, value >= limit);
}

void Report::progress(const std::string& what, double share) {
    using namespace std::chrono;
    const auto now = duration_cast<seconds>(steady_clock::now().time_since_epoch()).count();
    if (now < last_progress_s_ + 5) return;
    last_progress_s_ = now;
    std::fprintf(stderr, "    … %s: %.0f %%\n", what.c_str(), 100 * share);
}

}  // namespace nightjar::lab::measure
