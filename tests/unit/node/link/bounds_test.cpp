// Bounds on waiting: a queue that refuses when full, and pauses that grow.
#include <doctest/doctest.h>

#include <memory>

#include "sphinx/node/link/backoff.hpp"
#include "sphinx/node/link/bounded_queue.hpp"

using namespace nightjar;

TEST_CASE("a bounded queue gives back in order and refuses when full") {
    node::link::BoundedQueue<int> queue{3};
    CHECK(queue.empty());
    CHECK_FALSE(queue.try_pop());
    int next_in = 0;
    int next_out = 0;
    for (int round = 0; round < 10; ++round) {  // wraps around the ring at every position
        while (queue.try_push(next_in))
            ++next_in;
        CHECK(queue.full());
        CHECK(queue.size() == 3);
        for (int i = 0; i <= round % 3; ++i)
            CHECK(queue.try_pop() == next_out++);
    }
    CHECK(queue.refused() == 10);
    while (const auto item = queue.try_pop())
        CHECK(*item == next_out++);
    CHECK(next_out == next_in);
}

TEST_CASE("a bounded queue holds nothing back: refused and cleared items are destroyed") {
    const auto item = std::make_shared<int>(1);
    node::link::BoundedQueue<std::shared_ptr<int>> queue{2};
    CHECK(queue.try_push(item));
    CHECK(queue.try_push(item));
    CHECK_FALSE(queue.try_push(item));
    CHECK(item.use_count() == 3);
    queue.clear();
    CHECK(item.use_count() == 1);
    CHECK(queue.size() == 0);
    CHECK(queue.try_push(item));
    queue.try_pop();
    CHECK(item.use_count() == 1);
}

TEST_CASE("the pause doubles from 0.2 s to 10 s, between half a step and all of it") {
    base::SeededRandom random{5};
    const base::Milliseconds steps[] = {base::Milliseconds{200},    base::Milliseconds{400},
                                        base::Milliseconds{800},    base::Milliseconds{1600},
                                        base::Milliseconds{3200},   base::Milliseconds{6400},
                                        base::Milliseconds{10'000}, base::Milliseconds{10'000}};
    bool differs = false;
    base::Milliseconds first{};
    for (int round = 0; round < 200; ++round) {
        node::link::Backoff backoff{base::Milliseconds{200}, base::Milliseconds{10'000}};
        for (const base::Milliseconds step : steps) {
            const base::Milliseconds pause = backoff.next(random);
            CHECK(pause >= step / 2);
            CHECK(pause <= step);
        }
        backoff.reset();
        const base::Milliseconds again = backoff.next(random);
        CHECK(again <= base::Milliseconds{200});
        if (round == 0) first = again;
        differs = differs || again != first;
    }
    CHECK(differs);  // two relays that lost the same peer do not retry in step
}
