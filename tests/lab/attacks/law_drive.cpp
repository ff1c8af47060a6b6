#include "tests/lab/attacks/law_drive.hpp"

#include <cassert>
#include <cmath>
#include <cstring>
#include <memory>

#include "relay/core/mix_laws.hpp"
#include "tests/lab/attacks/mix_drive.hpp"
#include "tests/lab/attacks/mix_summary.hpp"
#include "tests/lab/measure/statistics.hpp"

namespace nightjar::lab::attacks {
namespace {

constexpr std::size_t capacity = 20'000;  // the product's default
constexpr double certain_enough = 1e-12;  // less of the posterior than this is left out

/// A packet that carries its number in its cell.
relay::core::HeldPacket packet(std::uint32_t number, base::Mono arrived) {
    auto cell = std::make_unique<cell::Cell>();
    std::memcpy(cell->body().data(), &number, sizeof number);
    return {std::move(cell), relay::core::ToExit{}, 0, arrived, {}};
}

struct Posterior {
    double entropy_bits = 0;
    double surprise_bits = 0;
};

Posterior posterior_of(const LawTrace& trace, std::size_t target) {
    Posterior made;
    double stayed = 1;
    for (auto i = trace.first[target]; i < trace.releases.size() && stayed > certain_enough; ++i) {
        const auto [inside, leave] = trace.releases[i];
        const auto chance = stayed / inside;  // of one of the packets that leave in it
        made.entropy_bits -= leave * chance * std::log2(chance);
        if (i == trace.left[target]) made.surprise_bits = -std::log2(chance);
        stayed -= leave * chance;
    }
    return made;
}

}  // namespace

LawTrace drive_law(const directory::Parameters& law, double per_second, std::size_t packets,
                   std::uint64_t seed) {
    assert(law.mixing.law != directory::MixLaw::poisson);
    const auto traffic = poisson(seed, per_second, packets);
    base::SeededRandom random{seed ^ 0xaaaaaaaaaaaaaaaa};
    const auto mix = relay::core::make_mix(law, capacity, random);
    LawTrace trace;
    trace.left.resize(packets);
    trace.held_ms.resize(packets);
    std::vector<relay::core::HeldPacket> released;
    const auto run_until = [&](base::Mono end) {
        while (mix->size() > 0) {
            const base::Mono at{
                std::chrono::ceil<base::Milliseconds>(mix->next_due().time_since_epoch())};
            if (at >= end) return;
            released.clear();
            const auto inside = static_cast<std::uint32_t>(mix->size());
            mix->release(at, released);
            if (released.empty()) continue;
            for (const auto& held : released) {
                std::uint32_t number = 0;
                std::memcpy(&number, held.cell->body().data(), sizeof number);
                trace.left[number] = static_cast<std::uint32_t>(trace.releases.size());
                trace.held_ms[number] = 1e3 * base::to_seconds(at - held.arrived);
            }
            trace.releases.push_back({inside, static_cast<std::uint32_t>(released.size())});
        }
    };
    for (std::uint32_t i = 0; i < packets; ++i) {
        run_until(traffic.arrivals[i]);
        trace.first.push_back(static_cast<std::uint32_t>(trace.releases.size()));
        mix->push(packet(i, traffic.arrivals[i]));
    }
    run_until(base::Mono::max());
    return trace;
}

LawSummary summary(const LawTrace& trace, double per_second) {
    LawSummary made;
    std::vector<double> bits, held;
    for (auto i = edge(per_second); i + edge(per_second) < trace.first.size(); ++i) {
        const auto posterior = posterior_of(trace, i);
        bits.push_back(posterior.entropy_bits);
        held.push_back(trace.held_ms[i]);
        made.surprise += posterior.surprise_bits;
        made.alone += trace.releases[trace.left[i]].inside == 1;
    }
    made.surprise /= static_cast<double>(bits.size());
    made.alone /= static_cast<double>(bits.size());
    made.mean = measure::mean(bits);
    made.p5 = measure::quantile(bits, 0.05);
    made.least = measure::quantile(std::move(bits), 0);
    made.held_mean_ms = measure::mean(held);
    made.held_p99_ms = measure::quantile(std::move(held), 0.99);
    return made;
}

}  // namespace nightjar::lab::attacks
