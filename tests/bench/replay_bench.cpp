// The cost of a replay tag, in a filter with half of its bits set. The memory is of the kind that a
// relay's tmpfs uses: pages of 4 KiB, not in the cache. The argument is the rate in packets per
// second for which the filter is sized, over an hour.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <new>
#include <vector>

#include "relay/core/replay_filter.hpp"
#include "sphinx/base/random.hpp"

namespace {

using namespace nightjar;

/// Shared memory, as in a tmpfs, filled with zeros.
class Shared {
 public:
    explicit Shared(std::size_t size) : size_{size} {
        data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (data_ == MAP_FAILED) throw std::bad_alloc{};
    }
    ~Shared() { ::munmap(data_, size_); }
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    base::ByteSpan bytes() { return {static_cast<std::uint8_t*>(data_), size_}; }

 private:
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

template <std::size_t ahead>  // prefetch distance in tags; 0: no prefetch
void insert(benchmark::State& state) {
    const auto packets = static_cast<std::uint64_t>(state.range(0)) * 3600;
    Shared memory{relay::core::ReplayFilter::bytes_for(packets)};
    base::SeededRandom random{1};
    random.fill(memory.bytes());
    relay::core::ReplayFilter filter{memory.bytes()};
    std::vector<packet::ReplayTag> tags(100'000);
    for (auto& tag : tags)
        tag = random.id<packet::ReplayTag>();
    std::size_t next = 0;
    for (auto _ : state) {
        if (ahead > 0) filter.fetch(tags[(next + ahead) % tags.size()]);
        benchmark::DoNotOptimize(filter.insert(tags[next]));
        next = (next + 1) % tags.size();
    }
    state.counters["MB"] = static_cast<double>(memory.bytes().size()) / 1e6;
}
BENCHMARK(insert<0>)->Name("replay tag")->Arg(1'000)->Arg(10'000);
BENCHMARK(insert<4>)->Name("replay tag, asked for ahead")->Arg(1'000)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
