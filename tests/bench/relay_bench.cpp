// How many packets one real relay carries, how late it is, and what each packet costs it
// (docs/performance.md). The relay is a process of its own that runs the code of nightjar-relay
// behind real links on loopback; this process is everything around it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "sphinx/node/process/clocks.hpp"
#include "sphinx/node/process/process.hpp"
#include "tests/bench/relay_load/alone.hpp"
#include "tests/bench/relay_load/load.hpp"
#include "tests/bench/relay_load/program.hpp"
#include "tests/bench/relay_load/stages.hpp"

namespace {

using namespace nightjar;
using namespace nightjar::bench;
using Json = nlohmann::ordered_json;

/// A rate is held if fewer packets than this are lost, and the relay does not fall behind: else a
/// short run would only fill its queues.
constexpr double loss_max = 1e-4;
constexpr double goodput_least = 0.97;
/// What the busiest relay of a small network carries (docs/performance.md).
constexpr double quiet_rate = 165;

struct Options {
    std::size_t links = 64;
    double seconds = 3;
    std::string kernel;
    std::uint32_t workers = 1;
    std::uint32_t packets_per_second = 6600;
    int relay_cores = 1;
    std::size_t clients = 0;
    double rate = 0;
    int nice = 0;
    bool compare = false;
    bool stages = false;
    bool memory = false;
    std::vector<double> shares{0.1, 0.5, 0.8, 0.95, 1.0, 1.5, 2.0};
    std::string json;
};

/// One relay with everything around it, all links up.
class Bench {
 public:
    Bench(const Options& options, base::Milliseconds mean_delay)
        : options_{options},
          around_{shape(options, mean_delay)},
          relay_{around_.folder(), kernel_named(options.kernel)} {
        wait_for("the relay", [this] { return relay_.status().active; });
        // The generator has core 0.
        const int last = cores() - 1;
        relay_.pin(options.relay_cores == 1 ? std::vector{last} : std::vector{0, last});
        around_.connect();
        wait_for("its links", [this] {
            const auto status = relay_.status();
            return around_.next_up() == around_.shape().next &&
                   status.previous_up == around_.shape().previous &&
                   status.clients == around_.shape().clients;
        });
    }

    LoadResult run(double rate, double seconds) {
        return run_load(around_, relay_, packets(static_cast<std::size_t>(rate * seconds)), rate,
                        random_);
    }
    /// The same without a packet: processor time as a share of a core.
    Json idle() {
        const auto began = node::process::mono_now();
        const auto before = relay_.usage();
        around_.work_until(began + base::Milliseconds{1});
        while (node::process::mono_now() - began < base::Seconds{1} * options_.seconds)
            around_.work_until(node::process::mono_now() + base::Milliseconds{50});
        const auto used = relay_.usage() - before;
        const auto seconds = base::to_seconds(node::process::mono_now() - began);
        return {{"core_percent", 100 * used.seconds() / seconds},
                {"wakeups_per_second", static_cast<double>(used.wakeups) / seconds},
                {"resident_mib", mib(relay_.memory().resident)},
                {"anonymous_mib", mib(relay_.memory().anonymous)}};
    }
    const RelayProcess& relay() const { return relay_; }
    static double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / 1048576; }

 private:
    static Shape shape(const Options& options, base::Milliseconds mean_delay) {
        if (options.clients > 0)
            return {2, 2, options.clients, options.workers, options.packets_per_second, mean_delay};
        return {options.links / 2, options.links / 2,          0,
                options.workers,   options.packets_per_second, mean_delay};
    }
    std::vector<Prepared> packets(std::size_t count) {
        if (around_.shape().clients == 0) return around_.relay_packets(count);
        // Of each client: U + L packets a second up, R + L down.
        const auto law = directory::Parameters{};
        const double up = law.main_slots.per_second() + law.client_loops.per_second();
        const double down = law.replies.per_second() + law.client_loops.per_second();
        const auto to_clients =
            static_cast<std::size_t>(static_cast<double>(count) * down / (up + down));
        auto all = around_.client_packets(count - to_clients);
        auto others = around_.client_deliveries(to_clients);
        std::move(others.begin(), others.end(), std::back_inserter(all));
        random_.shuffle(all);
        return all;
    }
    template <class Done>
    void wait_for(const char* what, Done done) {
        const auto end = node::process::mono_now() + base::Seconds{120};
        while (!done()) {
            if (!relay_.running() || node::process::mono_now() > end)
                throw std::runtime_error{std::string{what} + " did not come up"};
            around_.work_until(node::process::mono_now() + base::Milliseconds{20});
        }
    }

    Options options_;
    Surroundings around_;
    RelayProcess relay_;
    base::SeededRandom random_{11};
};

double s_micros = 0;  // S, measured in this run

Json to_json(const LoadResult& result) {
    const auto handled = static_cast<double>(std::max<std::size_t>(result.handled, 1));
    return {{"rate", result.rate},
            {"sent", result.sent},
            {"refused", result.refused},
            {"arrived", result.arrived},
            {"loss", result.loss()},
            {"goodput", result.goodput},
            {"added_ms",
             {{"p50", result.added.p50}, {"p99", result.added.p99}, {"p99.9", result.added.p999}}},
            {"generator_lag_p99_ms", result.generator_lag_p99},
            {"core_percent", 100 * result.usage.seconds() / result.seconds},
            {"micros_per_packet", result.micros_per_packet()},
            {"s_per_packet", result.micros_per_packet() / s_micros},
            {"io_micros", result.usage.io_seconds * 1e6 / handled},
            {"worker_micros", result.usage.worker_seconds * 1e6 / handled},
            {"wakeups_per_packet", static_cast<double>(result.usage.wakeups) / handled},
            {"resident_mib", Bench::mib(result.memory.resident)},
            {"anonymous_mib", Bench::mib(result.memory.anonymous)}};
}

void show(const char* what, const LoadResult& result) {
    std::fprintf(stderr,
                 "%-12s %7.0f/s  loss %.1e  out %7.0f/s  added p50 %6.2f p99 %7.2f p99.9 %7.2f ms  "
                 "%5.1f us = %4.2f S a packet (I/O %4.1f, workers %4.1f)  "
                 "%4.2f wake-ups  %3.0f %% of a core  lag %.2f ms\n",
                 what, result.rate, result.loss(), result.goodput, result.added.p50,
                 result.added.p99, result.added.p999, result.micros_per_packet(),
                 result.micros_per_packet() / s_micros,
                 result.usage.io_seconds * 1e6 / static_cast<double>(result.handled),
                 result.usage.worker_seconds * 1e6 / static_cast<double>(result.handled),
                 static_cast<double>(result.usage.wakeups) / static_cast<double>(result.handled),
                 100 * result.usage.seconds() / result.seconds, result.generator_lag_p99);
}

bool held_by(const LoadResult& result) {
    return result.loss() < loss_max && result.goodput > goodput_least * result.rate;
}

/// The highest rate that is held, to 5 %. Other work on the machine may stall a run, so a rate
/// counts as too high if two runs lose packets.
double find_peak(Bench& bench, double guess, double seconds) {
    double held = 0, too_high = 0, rate = guess;
    for (int i = 0; i < 12 && (too_high == 0 || too_high > 1.05 * held); ++i) {
        auto result = bench.run(rate, seconds);
        show("peak?", result);
        if (!held_by(result)) {
            result = bench.run(rate, seconds);
            show("peak? again", result);
        }
        (held_by(result) ? held : too_high) = rate;
        rate = too_high == 0 ? rate * 1.25 : held == 0 ? rate / 1.5 : (held + too_high) / 2;
    }
    return held;
}

/// The parts alone, and what a relay would carry if it had no other work.
Json parts_alone(const Options& options) {
    s_micros = scalar_multiplication();
    const double unwrap = unwrap_alone();
    const double link = link_alone();
    std::fprintf(
        stderr,
        "kernel %s: S %.1f us, unwrap alone %.1f us = %.2f S, link alone %.1f us; together "
        "%.0f packets/s\n",
        options.kernel.c_str(), s_micros, unwrap, unwrap / s_micros, link, 1e6 / (unwrap + link));
    return {{"kernel", options.kernel},
            {"links", options.links},
            {"clients", options.clients},
            {"workers", options.workers},
            {"relay_cores", options.relay_cores},
            {"s_micros", s_micros},
            {"unwrap_alone_micros", unwrap},
            {"link_alone_micros", link},
            {"allowed_by_both", 1e6 / (unwrap + link)}};
}

/// A run with perf beside it: microseconds a packet by stage.
Json stages(Bench& bench, const char* what, double rate, double seconds) {
    Sampler sampler{bench.relay().pid()};
    const auto result = bench.run(rate, seconds);
    show(what, result);
    Json found;
    for (const auto& [stage, share] : sampler.shares()) {
        found[stage] = share * result.micros_per_packet();
        std::fprintf(stderr, "  %-18s %5.1f us  %5.3f S\n", stage.c_str(),
                     share * result.micros_per_packet(),
                     share * result.micros_per_packet() / s_micros);
    }
    return found;
}

/// Memory that one more held packet takes. Delays are long here, so that many packets are held; the
/// relay keeps the memory of its fullest moment, so the higher rate comes second.
double bytes_per_held(const Options& options, double rate) {
    constexpr base::Milliseconds mean_delay{250};
    Bench bench{options, mean_delay};
    const auto fewer = bench.run(rate / 4, 2);
    const auto more = bench.run(rate, 2);
    const auto grown =
        static_cast<double>(more.memory.anonymous) - static_cast<double>(fewer.memory.anonymous);
    return grown / (base::to_seconds(mean_delay) * rate * 3 / 4);
}

Json measure(const Options& options) {
    auto found = parts_alone(options);
    if (options.memory) {
        found["bytes_per_held"] =
            bytes_per_held(options, 0.5 * found["allowed_by_both"].get<double>());
        std::fprintf(stderr, "a held packet takes %.0f bytes\n",
                     found["bytes_per_held"].get<double>());
    }
    Bench bench{options, directory::Parameters{}.mean_delay};
    found["idle"] = bench.idle();
    std::fprintf(stderr, "idle         %s\n", found["idle"].dump().c_str());
    const auto run = [&](const std::string& name, double rate, double seconds) {
        const auto result = bench.run(rate, seconds);
        show(name.c_str(), result);
        found[name] = to_json(result);
    };
    if (options.clients > 0) {
        const auto law = directory::Parameters{};
        const double each = law.main_slots.per_second() + law.replies.per_second() +
                            2 * law.client_loops.per_second();
        run("clients", each * static_cast<double>(options.clients), options.seconds);
        return found;
    }
    run("quiet", quiet_rate, options.seconds + 1);
    double peak = options.rate;
    if (peak == 0) {
        const double guess = 0.5 * found["allowed_by_both"].get<double>();
        peak = find_peak(bench, guess, std::max(1.2, options.seconds / 2));
    }
    found["peak"] = peak;
    found["peak_of_allowed"] = peak / found["allowed_by_both"].get<double>();
    std::fprintf(stderr, "peak %.0f packets/s, %.0f %% of what both parts alone allow\n", peak,
                 100 * found["peak_of_allowed"].get<double>());
    if (options.compare) return found;
    for (const double share : options.shares)
        run(std::to_string(static_cast<int>(100 * share)) + " %", share * peak, options.seconds);
    if (options.stages) {
        found["stages, quiet"] = stages(bench, "quiet", quiet_rate, options.seconds + 2);
        found["stages, 90 %"] = stages(bench, "90 %", 0.9 * peak, options.seconds);
    }
    return found;
}

Options parsed(CLI::App& app, int argc, char** argv) {
    Options options;
    app.add_option("--links", options.links, "Links of the relay, half of them from it");
    app.add_option("--seconds", options.seconds, "Length of one run");
    app.add_option("--kernel", options.kernel, "portable, avx2 or ifma; default: the best");
    app.add_option("--workers", options.workers, "Threads of the relay that unwrap");
    app.add_option("--packets-per-second", options.packets_per_second,
                   "What the relay's replay filters are made for; default: as a relay's");
    app.add_option("--relay-cores", options.relay_cores, "1, or 2: it shares one with this process")
        ->check(CLI::Range(1, 2));
    app.add_option("--clients", options.clients, "A gateway with so many clients");
    app.add_option("--rate", options.rate, "Packets a second to take as the peak; 0: search");
    app.add_option("--nice", options.nice, "Scheduling priority of relay and generator");
    app.add_flag("--compare", options.compare,
                 "Only the peak, beside what unwrap alone and link alone allow");
    app.add_flag("--stages", options.stages, "Where the time goes, by samples of perf");
    app.add_flag("--memory", options.memory, "What a held packet takes");
    app.add_option("--shares", options.shares, "Loads to measure, of the peak")->delimiter(',');
    app.add_option("--json", options.json, "File for the results");
    app.parse(argc, argv);
    if (options.kernel.empty()) options.kernel = crypto::to_string(crypto::kernel());
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 4 && std::string{argv[1]} == "--as-relay") return run_as_relay(argv[2], argv[3]);
    CLI::App app{"Load on one relay, measured"};
    const auto options = [&] { return parsed(app, argc, argv); };
    return run_program("relay_bench", app, options, [](const Options& given) {
        crypto::force_kernel(kernel_named(given.kernel));
        return measure(given);
    });
}
