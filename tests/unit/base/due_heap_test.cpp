#include "sphinx/base/due_heap.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <vector>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace std::chrono_literals;

namespace {

constexpr base::Mono start{1h};
struct Thing {
    int name = 0;
};
using Heap = base::DueHeap<Thing>;

}  // namespace

TEST_CASE("due heap: what has entered is due when it is set, and no longer when it is unset") {
    Heap heap;
    Thing thing;
    const auto number = heap.enter(thing);
    CHECK(heap.empty());
    heap.set(number, start);
    REQUIRE_FALSE(heap.empty());
    CHECK(heap.first_due() == start);
    CHECK(&heap.first() == &thing);
    heap.set(number, start + 5ms);
    CHECK(heap.first_due() == start + 5ms);
    heap.unset(number);
    CHECK(heap.empty());
    heap.unset(number);
    heap.set(number, start + 1ms);
    heap.leave(number);
    CHECK(heap.empty());
}

TEST_CASE("due heap: a freed handle is reused, and keeps no time of its former owner") {
    Heap heap;
    Thing first{1}, second{2};
    const auto number = heap.enter(first);
    heap.set(number, start);
    heap.leave(number);
    REQUIRE(heap.enter(second) == number);
    CHECK(heap.empty());
    heap.set(number, start + 1ms);
    CHECK(heap.first().name == 2);
}

TEST_CASE("due heap: the first is the earliest of all while objects enter, move and leave") {
    base::SeededRandom random{1};
    Heap heap;
    std::vector<Thing> things(200);
    struct Known {
        Heap::Handle number = 0;
        std::optional<base::Mono> due;
    };
    std::map<int, Known> inside;
    for (int step = 0; step < 50'000; ++step) {
        const auto name = static_cast<int>(random.below(things.size()));
        const auto found = inside.find(name);
        if (found == inside.end()) {
            auto& thing = things[static_cast<std::size_t>(name)];
            thing.name = name;
            inside[name].number = heap.enter(thing);
        } else if (const auto lot = random.below(10); lot == 0) {
            heap.leave(found->second.number);
            inside.erase(found);
        } else if (lot == 1) {
            heap.unset(found->second.number);
            found->second.due.reset();
        } else {
            // All times differ, so that the first is unique.
            const auto due =
                start +
                base::Nanoseconds{static_cast<std::int64_t>(random.below(1000) * 50'000) + step};
            heap.set(found->second.number, due);
            found->second.due = due;
        }
        auto earliest = base::Mono::max();
        for (const auto& [other, known] : inside)
            if (known.due) earliest = std::min(earliest, *known.due);
        REQUIRE(heap.empty() == (earliest == base::Mono::max()));
        if (heap.empty()) continue;
        REQUIRE(heap.first_due() == earliest);
        REQUIRE(inside.at(heap.first().name).due == earliest);
    }
}
