// Benchmarks of the packet library, its parts and the whole, with google-benchmark
// (--benchmark_format=json).
#include <benchmark/benchmark.h>

#include <cstring>

#include "sphinx/crypto/kernel.hpp"
#include "sphinx/crypto/x25519_batch.hpp"
#include "sphinx/packet/payload.hpp"
#include "tests/bench/samples.hpp"

using namespace nightjar;
using namespace nightjar::crypto;
using namespace nightjar::packet;

namespace {

constexpr Kernel kernels[] = {Kernel::portable, Kernel::avx2, Kernel::ifma};

const bench::Samples& samples() {
    static const bench::Samples all{64};
    return all;
}

/// Forces the kernel of the first argument. False, with a note in the output, if the machine lacks
/// it.
bool force(benchmark::State& state) {
    const auto wanted = kernels[state.range(0)];
    state.SetLabel(to_string(wanted));
    if (!available(wanted)) {
        state.SkipWithError("this processor cannot run it");
        return false;
    }
    force_kernel(wanted);
    return true;
}

void x25519(benchmark::State& state) {
    if (!force(state)) return;
    const auto count = static_cast<std::size_t>(state.range(1));
    std::vector<base::ByteArray<32>> scalars(count), points(count), products(count);
    base::SeededRandom random{1};
    std::vector<Multiplication> batch;
    for (std::size_t i = 0; i < count; ++i) {
        random.fill(scalars[i]);
        random.fill(points[i]);
        batch.push_back({scalars[i].data(), points[i].data(), products[i].data()});
    }
    for (auto _ : state)
        multiply(batch);
    state.SetItemsProcessed(state.iterations() * state.range(1));
}

void unwrap_kind(benchmark::State& state, void (*spoil)(base::Bytes&)) {
    if (!force(state)) return;
    const auto count = static_cast<std::size_t>(state.range(1));
    for (auto _ : state) {
        state.PauseTiming();
        bench::Batch batch{samples(), count};
        for (auto& packet : batch.packets)
            spoil(packet);
        state.ResumeTiming();
        unwrap_batch(batch.jobs, packet_size);
    }
    state.SetItemsProcessed(state.iterations() * state.range(1));
}
void unwrap_good(benchmark::State& state) {
    unwrap_kind(state, [](base::Bytes&) {});
}
void unwrap_wrong_mac(benchmark::State& state) {
    unwrap_kind(state, [](base::Bytes& packet) { packet[gamma_offset] ^= 1; });
}
// One packet over and over. The relay's replay filter comes after unwrap_batch, so here a replay
// costs as much as a good packet.
void unwrap_replayed(benchmark::State& state) {
    unwrap_kind(state, [](base::Bytes& packet) { packet = samples().packets[0]; });
}
void unwrap_low_order(benchmark::State& state) {
    unwrap_kind(state, [](base::Bytes& packet) { std::memset(packet.data(), 0, alpha_size); });
}

void create(benchmark::State& state) {
    if (!force(state)) return;
    const auto route = std::span<const Hop>{samples().route};
    const auto hops = route.first(static_cast<std::size_t>(state.range(1)));
    const auto surbs = static_cast<std::size_t>(state.range(2));
    const auto reply_hops = route.first(4);
    base::SeededRandom random{1};
    const base::Bytes message(message_size, 1);
    for (auto _ : state) {
        std::vector<HeaderRandomness> drawn;
        for (std::size_t i = 0; i <= surbs; ++i)
            drawn.push_back(HeaderRandomness::draw(random));
        std::vector<DraftJob> jobs(1 + surbs);
        for (std::size_t i = 0; i <= surbs; ++i) {
            jobs[i].route = i == 0 ? hops : reply_hops;
            jobs[i].randomness = &drawn[i];
        }
        draft_batch(jobs);
        benchmark::DoNotOptimize(seal(*jobs[0].outcome, message, payload_size));
    }
}

void lioness(benchmark::State& state) {
    if (!force(state)) return;
    const auto count = static_cast<std::size_t>(state.range(1));
    std::vector<base::Bytes> payloads(count, base::Bytes(payload_size, 3));
    PayloadKey key;
    std::vector<SealedPayload> batch;
    for (auto& payload : payloads)
        batch.push_back({&key, payload});
    StreamCiphers ciphers;
    for (auto _ : state)
        lioness_decrypt(ciphers, batch);
    state.SetItemsProcessed(state.iterations() * state.range(1));
}

void key_derivation(benchmark::State& state) {
    if (!force(state)) return;
    SharedSecret shared;
    for (auto _ : state) {
        const auto keys = expand(shared);
        benchmark::DoNotOptimize(payload_key(keys.payload_seed));
    }
}

void waiting(benchmark::internal::Benchmark* b) {
    b->ArgsProduct({{0, 1, 2}, {1, 2, 4, 8, 16, 64}})->ArgNames({"kernel", "waiting"});
}

BENCHMARK(x25519)->Apply(waiting);
BENCHMARK(unwrap_good)->Apply(waiting);
BENCHMARK(unwrap_wrong_mac)->Apply(waiting);
BENCHMARK(unwrap_replayed)->Apply(waiting);
BENCHMARK(unwrap_low_order)->Apply(waiting);
BENCHMARK(create)
    ->ArgsProduct({{0, 1, 2}, {1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}})
    ->ArgNames({"kernel", "hops", "surbs"});
BENCHMARK(lioness)->Apply(waiting);
BENCHMARK(key_derivation)->ArgsProduct({{0, 1, 2}})->ArgName("kernel");

}  // namespace

BENCHMARK_MAIN();
