// nightjar-lab: runs the laboratory's experiments, prints a line per verdict and a closing count.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"

namespace {

using namespace nightjar::lab::experiments;

using namespace nightjar::lab::measure;
using Experiment = void (*)(const Options&, Report&);

constexpr std::pair<const char*, Experiment> experiments[] = {
    {"speed", speed},     {"mixing", mixing},   {"observer", observer},   {"linking", linking},
    {"gateway", gateway}, {"headers", headers}, {"handovers", handovers}, {"sessions", sessions},
    {"clocks", clocks},   {"routes", routes},   {"operators", operators}, {"active", active},
    {"held", held},       {"drops", drops},     {"exchange", exchange},   {"target", target},
    {"metrics", metrics}, {"capture", capture},
};

void run(const char* name, Experiment experiment, const Options& options, Report& report) {
    const auto started = std::chrono::steady_clock::now();
    std::printf("experiment %s\n", name);
    std::fflush(stdout);
    experiment(options, report);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    std::printf("experiment %s: %.0f s\n", name, took.count());
}

int run_all(const std::vector<std::string>& wanted, const Options& options, std::FILE* lines) {
    Report report{lines};
    for (const auto& [name, experiment] : experiments) {
        const bool named = std::find(wanted.begin(), wanted.end(), name) != wanted.end();
        const bool possible = experiment != capture || !options.capture.empty();
        if (named || (wanted.empty() && possible)) run(name, experiment, options, report);
    }
    // A benchmark alone has nothing to judge. Anything else that judged nothing has failed.
    const bool benchmark = wanted == std::vector<std::string>{"speed"};
    if (benchmark) {
        std::printf("figures only, no verdict\n");
        return 0;
    }
    std::printf("%u passed, %u failed\n", report.passed(), report.failed());
    return report.failed() == 0 && report.passed() > 0 ? 0 : 1;
}

int parse_and_run(int argc, char** argv) {
    CLI::App app{"Measures what a network of Nightjar's own objects leaks, in virtual time."};
    Options options;
    std::vector<std::string> wanted;
    std::string file;
    std::vector<std::string> names;
    for (const auto& entry : experiments)
        names.emplace_back(entry.first);
    app.add_option("experiment", wanted, "which ones; all if none is named")
        ->check(CLI::IsMember(names));
    app.add_option("--seed", options.seed, "the first seed")->capture_default_str();
    app.add_flag("--full", options.full, "the sizes that docs/anonymity.md quotes");
    app.add_option("--seeds", options.seeds, "networks of each kind")
        ->check(CLI::Range(2u, 100'000u));  // at least one network to train and one to test
    app.add_option("--clients", options.clients, "clients of each network");
    app.add_option("--seconds", options.seconds, "length of a window");
    app.add_option("--hours", options.hours,
                   "of handovers: only a network in use for so long, with real lifetimes")
        ->check(CLI::Range(2u, 1000u));
    app.add_option("--exits", options.exits, "of handovers, with --hours: exits")
        ->check(CLI::Range(3u, 1000u));
    app.add_option("--lifetime", options.lifetime,
                   "of handovers, with --hours: seconds of a session's lifetime, not an hour")
        ->check(CLI::IsMember(std::vector<std::uint32_t>{600, 1200, 1800, 3600}));
    app.add_option("--bytes", options.bytes,
                   "of observer: only transfers of so many bytes; of 4000000 there are only twins")
        ->check(
            CLI::IsMember(std::vector<std::uint64_t>{100'000, 1'000'000, 4'000'000, 10'000'000}));
    app.add_option("--capture", options.capture,
                   "what deploy/demo --lab has observed; capture runs only with it");
    app.add_option("--json", file, "write results as JSON lines");
    CLI11_PARSE(app, argc, argv);
    if (options.capture.empty() &&
        std::find(wanted.begin(), wanted.end(), "capture") != wanted.end()) {
        std::fprintf(stderr, "nightjar-lab: capture needs --capture FILE, of deploy/demo --lab\n");
        return 2;
    }
    if (options.bytes > 100'000 && !options.full) {
        std::fprintf(stderr, "nightjar-lab: --bytes of more than 100000 needs --full\n");
        return 2;
    }
    if (file.empty()) return run_all(wanted, options, nullptr);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> lines{std::fopen(file.c_str(), "w"),
                                                                std::fclose};
    if (!lines) {
        std::fprintf(stderr, "nightjar-lab: cannot write '%s'; give a file in a folder of yours\n",
                     file.c_str());
        return 2;
    }
    return run_all(wanted, options, lines.get());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return parse_and_run(argc, argv);
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "nightjar-lab: %s\n", failure.what());
        return 2;
    }
}
