// The cost of a replay tag, in a filter whose parts are full. The memory is of the kind that a
// relay's tmpfs uses: pages of 4 KiB, not in the cache. The arguments are the rate in packets per
// second for which the filter is sized, over an hour, and the number of its parts. With one part,
// it is as large as all parts together.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <array>
#include <memory>
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

/// A filter with all of its parts, each with as many bits set as at its load.
class Filled {
 public:
    Filled(std::uint64_t packets, std::size_t parts, base::Random& random) {
        std::vector<std::size_t> sizes;
        while (sizes.size() < parts) {
            const auto next = relay::core::ReplayFilter::next_part(packets, sizes);
            sizes.push_back(parts == 1 ? relay::core::ReplayFilter::bytes_for(packets) : next);
        }
        for (const auto size : sizes) {
            auto& memory = *memory_.emplace_back(std::make_unique<Shared>(size));
            fill(memory.bytes(), random);
            if (filter_)
                filter_->add_part(memory.bytes());
            else
                filter_ = std::make_unique<relay::core::ReplayFilter>(memory.bytes());
            bytes_ += size;
        }
    }
    relay::core::ReplayFilter& filter() { return *filter_; }
    std::size_t bytes() const { return bytes_; }

 private:
    /// Three bits of eight: 0.38, at its load a part has 0.35.
    static void fill(base::ByteSpan bytes, base::Random& random) {
        std::array<std::array<std::uint8_t, 65536>, 3> drawn;
        for (auto& one : drawn)
            random.fill(one);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const auto at = i % drawn[0].size();
            bytes[i] = static_cast<std::uint8_t>((drawn[0][at] | drawn[1][at]) & drawn[2][at]);
        }
    }

    std::vector<std::unique_ptr<Shared>> memory_;
    std::unique_ptr<relay::core::ReplayFilter> filter_;
    std::size_t bytes_ = 0;
};

template <std::size_t ahead>  // prefetch distance in tags; 0: no prefetch
void insert(benchmark::State& state) {
    base::SeededRandom random{1};
    Filled filled{static_cast<std::uint64_t>(state.range(0)) * 3600,
                  static_cast<std::size_t>(state.range(1)), random};
    auto& filter = filled.filter();
    std::vector<packet::ReplayTag> tags(100'000);
    for (auto& tag : tags)
        tag = random.id<packet::ReplayTag>();
    std::size_t next = 0;
    for (auto _ : state) {
        if (ahead > 0) filter.fetch(tags[(next + ahead) % tags.size()]);
        benchmark::DoNotOptimize(filter.insert(tags[next]));
        next = (next + 1) % tags.size();
    }
    state.counters["MB"] = static_cast<double>(filled.bytes()) / 1e6;
}
BENCHMARK(insert<0>)->Name("replay tag")->ArgsProduct({{6'600, 50'000}, {1, 4}});
BENCHMARK(insert<4>)->Name("replay tag, asked for ahead")->ArgsProduct({{6'600, 50'000}, {1, 4}});

}  // namespace

BENCHMARK_MAIN();
