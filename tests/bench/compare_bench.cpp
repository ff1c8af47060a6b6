// Compares our library with the crate and with S, one crypto_scalarmult of libsodium. Each round
// times one call of every variant, so that a change of clock rate or a busy neighbour affects all
// of them. Prints JSON; tests/bench/compare prints the table.
//   compare_bench [--kernel portable|avx2|ifma] [--rounds N]
#include <sodium.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "sphinx/crypto/kernel.hpp"
#include "tests/bench/samples.hpp"
#include "tests/interop/crate_peer.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

/// This thread's processor time, which the crate's program also measures. Other processes on the
/// core do not count.
double now_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

/// One line of the table. run() returns the nanoseconds per unit of work, one or more samples.
struct Variant {
    std::string name;
    std::function<std::vector<double>()> run;
    std::vector<double> samples;

    double p10() const {
        auto sorted = samples;
        std::sort(sorted.begin(), sorted.end());
        return sorted.at(sorted.size() / 10);
    }
};

std::vector<double> time_unwraps(const bench::Samples& samples, std::size_t count,
                                 const std::function<void(base::Bytes&)>& spoil, bool expect_ok) {
    bench::Batch batch{samples, count};
    for (auto& packet : batch.packets)
        spoil(packet);
    const auto start = now_ns();
    unwrap_batch(batch.jobs, packet_size);
    const auto taken = now_ns() - start;
    for (const auto& job : batch.jobs) {
        if (job.outcome.has_value() != expect_ok) throw std::logic_error("wrong outcome");
    }
    return {taken / static_cast<double>(count)};
}

std::vector<double> time_creation(bench::Samples& samples, std::size_t packets, std::size_t surbs) {
    std::vector<HeaderRandomness> drawn;
    for (std::size_t i = 0; i < packets + surbs; ++i)
        drawn.push_back(HeaderRandomness::draw(samples.random));
    const auto identifier = samples.random.id<base::SurbId>();
    const auto start = now_ns();
    std::vector<DraftJob> jobs(packets + surbs);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        // A SURB's route is one hop shorter.
        jobs[i].route = i < packets ? std::span<const Hop>{samples.route}
                                    : std::span<const Hop>{samples.route}.first(4);
        jobs[i].identifier = identifier;
        jobs[i].randomness = &drawn[i];
    }
    draft_batch(jobs);
    for (std::size_t i = packets; i < jobs.size(); ++i) {
        if (!to_surb(*jobs[i].outcome, identifier)) throw std::logic_error("no SURB");
    }
    std::vector<SealJob> seals(packets);
    for (std::size_t i = 0; i < packets; ++i)
        seals[i] = {.draft = &*jobs[i].outcome, .message = samples.message};
    seal_batch(seals, payload_size);
    const auto taken = now_ns() - start;
    if (!seals.back().outcome) throw std::logic_error("not created");
    return {taken / static_cast<double>(packets)};
}

std::vector<double> asked(interop::CratePeer& crate, const std::string& request) {
    std::vector<double> times;
    for (const auto& text : crate.ask(request))
        times.push_back(std::stod(text));
    if (times.empty()) throw std::runtime_error("the crate refuses to be timed");
    return times;
}

std::vector<Variant> variants(bench::Samples& samples, interop::CratePeer& crate) {
    std::string hops;
    for (const auto& hop : samples.route)
        hops += " " + base::to_hex(hop.key.bytes) + ":" + base::to_hex(hop.address.bytes) + ":" +
                std::to_string(hop.delay_ns);
    const std::string unwrap_request = "time-unwrap " +
                                       base::to_hex(samples.pairs[0].secret.view()) + " " +
                                       base::to_hex(samples.packets[0]) + " 4";
    const std::string build_request = "time-build " + std::to_string(payload_size) + " " +
                                      base::to_hex(samples.message) + " 1" + hops;
    const auto untouched = [](base::Bytes&) {};
    std::vector<Variant> all;
    const auto add = [&](std::string name, std::function<std::vector<double>()> run) {
        all.push_back({std::move(name), std::move(run), {}});
    };
    add("S", [] {
        base::ByteArray<32> scalar{5}, point{9}, product;
        const auto start = now_ns();
        if (crypto_scalarmult(product.data(), scalar.data(), point.data()) != 0) throw 0;
        return std::vector{now_ns() - start};
    });
    add("crate: unwrap", [=, &crate] { return asked(crate, unwrap_request); });
    for (const std::size_t n : {1, 2, 4, 8, 16, 64})
        add("unwrap, " + std::to_string(n) + " waiting",
            [=, &samples] { return time_unwraps(samples, n, untouched, true); });
    add("wrong MAC, 64 waiting", [&samples] {
        return time_unwraps(
            samples, 64, [](base::Bytes& p) { p[gamma_offset] ^= 1; }, false);
    });
    add("low order, 64 waiting", [&samples] {
        return time_unwraps(
            samples, 64, [](base::Bytes& p) { std::memset(p.data(), 0, alpha_size); }, false);
    });
    add("crate: create", [=, &crate] { return asked(crate, build_request); });
    for (const std::size_t n : {1, 2, 4, 8, 16})
        add("create, " + std::to_string(n) + " in one call",
            [=, &samples] { return time_creation(samples, n, 0); });
    add("create, one with 5 SURBs", [&samples] { return time_creation(samples, 1, 5); });
    return all;
}

nlohmann::json report(const std::vector<Variant>& all) {
    const auto p10 = [&](const std::string& name) {
        for (const auto& one : all) {
            if (one.name == name) return one.p10();
        }
        throw std::logic_error("no variant " + name);
    };
    const double s = p10("S");
    nlohmann::json rows = nlohmann::json::array();
    for (const auto& one : all) {
        const bool creates = one.name.find("create") != std::string::npos;
        const double theirs = p10(creates ? "crate: create" : "crate: unwrap");
        rows.push_back({{"name", one.name},
                        {"p10_ns", one.p10()},
                        {"in_s", one.p10() / s},
                        {"ratio_p10", theirs / one.p10()},
                        {"samples", one.samples.size()}});
    }
    return {{"kernel", to_string(kernel())},
            {"s_ns", s},
            {"unwrap_ratio_p10", p10("crate: unwrap") / p10("unwrap, 64 waiting")},
            {"create_ratio_p10", p10("crate: create") / p10("create, 1 in one call")},
            {"create_batch_ratio_p10", p10("crate: create") / p10("create, 8 in one call")},
            {"rows", rows}};
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t rounds = 100;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i], value = argv[i + 1];
        if (option == "--rounds") rounds = std::stoul(value);
        if (option != "--kernel") continue;
        for (const auto kernel : {Kernel::portable, Kernel::avx2, Kernel::ifma}) {
            if (value == to_string(kernel)) force_kernel(kernel);
        }
        if (value != to_string(kernel())) {
            std::cerr << "no kernel " << value << '\n';
            return 2;
        }
    }
    if (rounds < 30) {
        std::cerr << "at least 30 rounds\n";
        return 2;
    }
    bench::Samples samples{64};
    interop::CratePeer crate{NIGHTJAR_CRATE_PEER};
    auto all = variants(samples, crate);
    for (std::size_t round = 0; round < rounds; ++round) {
        for (auto& one : all) {
            for (const auto sample : one.run())
                one.samples.push_back(sample);
        }
    }
    std::cout << report(all).dump(1) << '\n';
}
