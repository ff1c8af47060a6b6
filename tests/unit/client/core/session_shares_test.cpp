// How sessions share R and the slots, isolated ones included.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "tests/unit/client/core/session_plan_fixture.hpp"

using namespace nightjar;
using namespace nightjar::plan_test;

TEST_CASE("new streams without a key of their own never go to an isolated session") {
    Plan p;
    p.run(60s);
    const auto isolated = ++p.last;
    p.plan.add_isolated(isolated, p.now);
    p.run(60s);
    REQUIRE(p.entry(isolated).phase == Phase::main);
    p.silent_from[1] = p.now;
    while (!p.entry(1).dead)
        p.run(100ms);
    // The next shared session has no pace yet, and the isolated one has nearly all of R.
    const auto next = p.last;
    REQUIRE(next != isolated);
    CHECK(p.plan.current(p.now) == next);
    p.run(9s);
    CHECK(p.pace(isolated) > p.pace(next));
    CHECK(p.plan.current(p.now) == next);
}

TEST_CASE("an isolated session opens at a 10 s boundary, after a trial, and lives two lifetimes") {
    Plan p{lifetime(600s)};
    p.run(13s);
    REQUIRE(p.plan.room_for_isolated());
    p.plan.add_isolated(++p.last, p.now);
    const auto isolated = p.last;
    p.step();
    CHECK(p.entry(isolated).phase == Phase::waiting);
    p.run(8900ms);
    CHECK(p.entry(isolated).phase == Phase::waiting);
    p.run(100ms);
    CHECK(p.entry(isolated).phase == Phase::opening);
    CHECK(p.entry(isolated).schedule.change_second == 1'800'000'030);
    p.run(30s);
    CHECK(p.entry(isolated).phase == Phase::main);
    CHECK(p.pace(isolated) == 22.5);
    CHECK(p.plan.current(p.now) == SessionHandle{1});
    p.run(600s);
    CHECK(p.entry(isolated).phase == Phase::lingering);
    p.run(700s);
    CHECK(p.plan.find(isolated) == nullptr);
}

TEST_CASE("the number of sessions is bounded, and in a slow network by its slots") {
    for (const auto& [slots, most] : {std::pair{50'000u, 5}, {5'000u, 2}, {1'000u, 0}}) {
        auto parameters = lifetime(3600s);
        parameters.main_slots = {slots};
        parameters.replies = {slots * 9 / 10};
        Plan p{parameters};
        p.run(10s);
        int added = 0;
        for (; p.plan.room_for_isolated(); ++added)
            p.plan.add_isolated(++p.last, p.now);
        CHECK(added == most);
        p.run(120s);
        for (const auto& entry : p.plan.entries()) {
            const auto share = p.pace(entry.handle) / parameters.replies.per_second();
            CHECK(share * slots / 1000 > 0.8 * slots_per_second_min);
        }
    }
}

TEST_CASE("in a slow network a session on trial has a slot a second, more than a tenth of R") {
    auto parameters = lifetime(600s);
    parameters.main_slots = {5'000};
    parameters.replies = {4'500};
    Plan p{parameters};
    p.run(605s);
    REQUIRE(p.entry(2).phase == Phase::trial);
    CHECK(p.pace(2) == 0.9);
}

TEST_CASE("sessions get slots by their share") {
    Plan p{lifetime(600s)};
    p.run(650s);
    REQUIRE(p.pace(2) == 30);
    std::map<SessionHandle, double> weights;
    for (const auto& one : p.plan.slot_weights(p.now))
        weights[one.session] = one.weight;
    REQUIRE(weights.size() == 2);
    CHECK(weights[2] == 2 * weights[1]);
}

TEST_CASE("a client's sessions have all ranks of the beat between them, in every state") {
    Plan p{lifetime(600s)};
    const auto check = [&] {
        std::vector<int> used(30);
        std::uint32_t sum = 0;
        for (const auto& entry : p.plan.entries()) {
            const auto pace = entry.schedule.at(p.now).milli;
            sum += pace;
            for (std::uint32_t i = 0; i < pace / 1500; ++i)
                ++used.at(entry.schedule.rank_at(p.now) + i);
        }
        CHECK(sum == 45'000);
        CHECK(std::ranges::count(used, 1) == 30);
    };
    p.run(5s);
    check();
    // Two handovers, and keys that come one by one.
    for (int step = 0; step < 180; ++step) {
        if (step % 10 == 5 && p.plan.room_for_isolated()) p.plan.add_isolated(++p.last, p.now);
        p.run(10s);
        check();
    }
}

TEST_CASE("parts add up to the whole") {
    for (const auto& weights : std::vector<std::vector<double>>{
             {1}, {1, 1, 1}, {4, 1, 0}, {0.1, 0.2, 0.7}, {1, 1, 1, 1, 1, 1, 1}}) {
        const auto parts = divide(45'001, weights);
        CHECK(std::accumulate(parts.begin(), parts.end(), 0u) == 45'001);
    }
    CHECK(divide(10, {0, 1, 0}) == std::vector<std::uint32_t>{0, 10, 0});
}
