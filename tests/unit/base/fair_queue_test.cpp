// A queue in which each source has a turn.
#include "sphinx/base/fair_queue.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

#include "sphinx/base/random.hpp"

using nightjar::base::FairQueue;

namespace {

using Queue = FairQueue<std::string>;

std::string all(Queue& queue) {
    std::string text;
    while (!queue.empty())
        text += queue.pop() + " ";
    return text;
}

}  // namespace

TEST_CASE("fair queue: sources take turns, each in its own order") {
    Queue queue{10};
    for (const auto* item : {"a1", "a2", "a3", "b1", "c1", "c2"})
        CHECK(queue.push(static_cast<std::uint64_t>(item[0]), item));
    CHECK(queue.size() == 6);
    CHECK(all(queue) == "a1 b1 c1 a2 c2 a3 ");
    CHECK(queue.size() == 0);
}

TEST_CASE("fair queue: when it is full the source that has most loses its newest item") {
    Queue queue{6};
    for (const auto* item : {"a1", "a2", "a3", "a4", "b1", "b2"})
        CHECK(queue.push(static_cast<std::uint64_t>(item[0]), item));
    CHECK_FALSE(queue.push('a', "a5"));
    CHECK_FALSE(queue.push('b', "b3"));
    CHECK_FALSE(queue.push('b', "b4"));
    CHECK_FALSE(queue.push('c', "c1"));
    CHECK(queue.size() == 6);
    const auto left = all(queue);
    CHECK(left.starts_with("a1 b1 c1 a2 b2 "));
    CHECK(queue.push('a', "a6"));
}

TEST_CASE("fair queue: more sources than places") {
    Queue queue{2};
    CHECK(queue.push(1, "1"));
    CHECK(queue.push(2, "2"));
    CHECK_FALSE(queue.push(3, "3"));
    CHECK(queue.size() == 2);
    CHECK(all(queue).ends_with("3 "));
}

TEST_CASE(
    "fair queue: one of N sources fills at most a part of it, and delays others by one item") {
    constexpr std::size_t capacity = 100;
    FairQueue<std::uint64_t> queue{capacity};
    nightjar::base::SeededRandom random{1};
    std::map<std::uint64_t, int> lost, served;
    const auto flood = [&](int items) {
        for (int i = 0; i < items; ++i)
            queue.push(0, 0);
    };
    for (int round = 0; round < 2000; ++round) {
        flood(50);
        // Nine honest sources queue one item a round, in any order, and ten are served.
        for (std::uint64_t source = 1; source < 10; ++source) {
            queue.push(source, source);
            flood(static_cast<int>(random.below(3)));
        }
        for (int i = 0; i < 10; ++i)
            ++served[queue.pop()];
    }
    for (std::uint64_t source = 1; source < 10; ++source)
        CHECK(served[source] >= 1999);
    CHECK(served[0] >= 2000);
    CHECK(queue.size() <= capacity);
}

TEST_CASE("fair queue: it holds what it was given and nothing that has left") {
    const auto item = std::make_shared<int>(7);
    FairQueue<std::shared_ptr<int>> queue{4};
    for (int i = 0; i < 6; ++i)
        queue.push(1, item);
    CHECK(item.use_count() == 5);
    queue.push(2, item);
    CHECK(item.use_count() == 5);
    while (!queue.empty())
        queue.pop();
    CHECK(item.use_count() == 1);
}
