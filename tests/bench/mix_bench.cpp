// The cost of a packet in the mix queue, from push to release, in ticks of a millisecond. Measured
// at a constant rate (packets per second, mean delay 50 ms), and for pushes onto a full queue whose
// packets are all due at the same time, the worst case that a sender can cause.
#include <benchmark/benchmark.h>

#include <vector>

#include "relay/core/mix_queue.hpp"
#include "sphinx/base/random.hpp"

namespace {

using namespace nightjar;
using namespace std::chrono_literals;

/// A packet with an empty cell, which does not matter here.
relay::core::HeldPacket held(base::Mono arrived, base::Nanoseconds delay,
                             relay::core::MixSource source = 0) {
    return {std::make_unique<cell::Cell>(), relay::core::ToExit{}, source, arrived, delay};
}

void steady(benchmark::State& state) {
    base::SeededRandom random{1};
    relay::core::MixQueue queue{20'000, random};
    // Drawn in advance, because in the network the sender draws them.
    std::vector<base::Nanoseconds> delays(100'000);
    for (auto& delay : delays)
        delay = random.exponential_capped(50ms, 500ms);
    // Stands for the other data of a relay (cells, packets, links), which evicts the queue from the
    // cache.
    std::vector<std::uint64_t> others(1 << 20);
    const auto per_tick = state.range(0) / 1000;
    base::Mono now{1h};
    std::vector<relay::core::HeldPacket> out;
    std::size_t next = 0, touched = 0;
    for (auto _ : state) {
        state.PauseTiming();
        for (std::size_t i = 0; i < others.size(); i += 8)
            touched += others[i]++;
        std::vector<relay::core::HeldPacket> arriving;
        for (int i = 0; i < per_tick; ++i)
            arriving.push_back(held(now, delays[next++ % delays.size()]));
        out.clear();
        state.ResumeTiming();
        for (auto& packet : arriving)
            queue.push(std::move(packet));
        benchmark::DoNotOptimize(queue.release(now, out));
        benchmark::DoNotOptimize(queue.next_due());
        now += 1ms;
    }
    benchmark::DoNotOptimize(touched);
    state.counters["packet"] = benchmark::Counter(
        static_cast<double>(per_tick),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(steady)->Name("mix, a tick")->Arg(1'000)->Arg(10'000)->Arg(50'000);

void full(benchmark::State& state) {
    base::SeededRandom random{1};
    relay::core::MixQueue queue{20'000, random};
    const base::Mono now{1h};
    std::int64_t number = 0;
    const auto next = [&] {
        const auto source = number++ % state.range(0);
        return held(now, 400ms, static_cast<relay::core::MixSource>(source));
    };
    for (int i = 0; i < 20'000; ++i)
        queue.push(next());
    for (auto _ : state)
        queue.push(next());
}
BENCHMARK(full)->Name("mix, full and all due at once, of sources")->Arg(1)->Arg(64)->Arg(1000);

}  // namespace

BENCHMARK_MAIN();
