// What it costs to move the first of N recurring events to a later time, as mailboxes (constant
// gap) and exit sessions (random gap) do. Compares base::DueHeap with boost::heap::d_ary_heap, with
// the heap in the cache and with the cache evicted before every tick of 64 events.
#include <benchmark/benchmark.h>

#include <boost/heap/d_ary_heap.hpp>
#include <memory>
#include <vector>

#include "sphinx/base/due_heap.hpp"
#include "sphinx/base/random.hpp"

namespace {

using namespace nightjar;
using namespace std::chrono_literals;

constexpr auto gap = 20ms;
constexpr int events_per_tick = 64;

class Ours {
 public:
    struct Thing {
        base::DueHeap<Thing>::Handle handle = 0;
        std::uint64_t count = 0;
    };
    void enter(Thing& thing, base::Mono due) {
        thing.handle = heap_.enter(thing);
        heap_.set(thing.handle, due);
    }
    Thing& first() const { return heap_.first(); }
    base::Mono first_due() const { return heap_.first_due(); }
    void delay_first(base::Mono due) { heap_.set(first().handle, due); }

 private:
    base::DueHeap<Thing> heap_;
};

class Boosts {
 public:
    struct Thing;
    struct Entry {
        base::Mono due;
        Thing* thing = nullptr;
        bool operator<(const Entry& other) const { return due > other.due; }  // the first is on top
    };
    using Heap = boost::heap::d_ary_heap<Entry, boost::heap::arity<4>, boost::heap::mutable_<true>>;
    struct Thing {
        Heap::handle_type handle;
        std::uint64_t count = 0;
    };
    void enter(Thing& thing, base::Mono due) { thing.handle = heap_.push({due, &thing}); }
    Thing& first() const { return *heap_.top().thing; }
    base::Mono first_due() const { return heap_.top().due; }
    void delay_first(base::Mono due) {
        auto& thing = first();
        heap_.decrease(thing.handle, {due, &thing});
    }

 private:
    Heap heap_;
};

template <class Heap>
struct Events {
    explicit Events(std::int64_t size, bool random_gaps) {
        base::SeededRandom random{1};
        for (auto& one : gaps)
            one = random_gaps ? random.exponential_capped(gap, 10 * gap) : base::Nanoseconds{gap};
        for (std::int64_t i = 0; i < size; ++i) {
            things.push_back(std::make_unique<typename Heap::Thing>());
            const auto phase =
                random.below(static_cast<std::uint64_t>(base::Nanoseconds{gap}.count()));
            heap.enter(*things.back(),
                       base::Mono{1h} + base::Nanoseconds{static_cast<std::int64_t>(phase)});
        }
    }
    void advance() {
        ++heap.first().count;
        heap.delay_first(heap.first_due() + gaps[next++ % gaps.size()]);
    }

    Heap heap;
    std::vector<std::unique_ptr<typename Heap::Thing>> things;
    std::vector<base::Nanoseconds> gaps = std::vector<base::Nanoseconds>(4096);
    std::size_t next = 0;
};

template <class Heap, bool random_gaps>
void hot(benchmark::State& state) {
    Events<Heap> events{state.range(0), random_gaps};
    for (auto _ : state)
        events.advance();
    benchmark::DoNotOptimize(events.heap.first().count);
}

template <class Heap, bool random_gaps>
void cold(benchmark::State& state) {
    Events<Heap> events{state.range(0), random_gaps};
    std::vector<std::uint64_t> others(1 << 20);  // stands for the other data of a relay
    std::uint64_t touched = 0;
    for (auto _ : state) {
        state.PauseTiming();
        for (std::size_t i = 0; i < others.size(); i += 8)
            touched += others[i]++;
        state.ResumeTiming();
        for (int i = 0; i < events_per_tick; ++i)
            events.advance();
    }
    benchmark::DoNotOptimize(touched);
    state.counters["event"] =
        benchmark::Counter(events_per_tick, benchmark::Counter::kIsIterationInvariantRate |
                                                benchmark::Counter::kInvert);
}

BENCHMARK(hot<Ours, false>)->Name("hot, constant gap, due_heap")->Arg(100)->Arg(1000)->Arg(10'000);
BENCHMARK(hot<Boosts, false>)->Name("hot, constant gap, boost")->Arg(100)->Arg(1000)->Arg(10'000);
BENCHMARK(hot<Ours, true>)->Name("hot, random gap, due_heap")->Arg(100)->Arg(1000)->Arg(10'000);
BENCHMARK(hot<Boosts, true>)->Name("hot, random gap, boost")->Arg(100)->Arg(1000)->Arg(10'000);
BENCHMARK(cold<Ours, false>)
    ->Name("cold, constant gap, due_heap")
    ->Arg(100)
    ->Arg(1000)
    ->Arg(10'000);
BENCHMARK(cold<Boosts, false>)->Name("cold, constant gap, boost")->Arg(100)->Arg(1000)->Arg(10'000);
BENCHMARK(cold<Ours, true>)->Name("cold, random gap, due_heap")->Arg(100)->Arg(1000)->Arg(10'000);
BENCHMARK(cold<Boosts, true>)->Name("cold, random gap, boost")->Arg(100)->Arg(1000)->Arg(10'000);

}  // namespace

BENCHMARK_MAIN();
