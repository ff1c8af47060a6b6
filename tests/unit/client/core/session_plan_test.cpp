// Handovers: when sessions begin, change and end.
#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/client/core/session_plan_fixture.hpp"

using namespace nightjar;
using namespace nightjar::plan_test;

TEST_CASE("the first session gets all of R 3 s after connecting, and all slots before that") {
    Plan p;
    REQUIRE(p.plan.entries().size() == 1);
    CHECK(p.entry(1).schedule.change_at == begin + 3s);
    CHECK(p.entry(1).schedule.next.milli == 45'000);
    CHECK(p.shares_slots(begin) == std::set<SessionHandle>{1});
    p.run(13s);
    CHECK(p.entry(1).phase == Phase::main);
    CHECK(p.pace(1) == 45);
    CHECK(p.entry(1).schedule.sequence == 1);
}

TEST_CASE("a handover tries the new session before it gets the pace, and the old one lingers") {
    Plan p{lifetime(600s)};
    p.run(590s);
    REQUIRE(p.plan.entries().size() == 1);
    p.run(5s);
    REQUIRE(p.plan.entries().size() == 2);
    CHECK(p.entry(2).phase == Phase::opening);
    CHECK(p.plan.current(p.now) == SessionHandle{1});
    // From its announcement on it gets slots, to fill the exit's stock.
    CHECK(p.shares_slots(p.now) == std::set<SessionHandle>{1, 2});
    p.run(6s);
    CHECK(p.pace(2) == 4.5);
    CHECK(p.pace(1) == 40.5);
    p.run(20s);
    CHECK(p.pace(2) == 30);
    CHECK(p.pace(1) == 15);
    CHECK(p.entry(1).phase == Phase::lingering);
    CHECK(p.plan.current(p.now) == SessionHandle{2});
    CHECK(p.ended.empty());
    // At the next handover it ends.
    p.run(660s);
    CHECK(p.ended == std::vector<SessionHandle>{1});
    CHECK(p.entry(2).phase == Phase::lingering);
    CHECK(p.entry(3).phase == Phase::main);
    p.run(7200s);
    CHECK(p.plan.entries().size() <= 3);
    CHECK(p.ended.size() >= 10);
}

TEST_CASE("streams that end with their session find one that has a lifetime before it") {
    Plan p{lifetime(600s)};
    while (p.ended.empty()) {
        REQUIRE(p.now < begin + 1300s);
        p.run(100ms);
    }
    // A stream that is opened again now uses this session, and ten minutes later it has the same
    // pace.
    const auto found = *p.plan.current(p.now);
    CHECK(found == 3);
    for (const auto end = p.now + 590s; p.now < end; p.run(1s))
        REQUIRE(p.pace(found) >= 27);
}

TEST_CASE("a lingering session outlives failed trials") {
    Plan p{lifetime(600s)};
    p.run(1180s);
    REQUIRE(p.entry(1).phase == Phase::lingering);
    p.next_is_silent = true;
    p.run(40s);
    REQUIRE(p.last == 4);  // two trials have failed
    REQUIRE(p.plan.find(1) != nullptr);
    CHECK(p.entry(1).phase == Phase::lingering);
    CHECK(p.entry(2).phase == Phase::main);
    p.next_is_silent = false;
    p.run(60s);
    CHECK(p.ended.back() == 1);
    CHECK(p.entry(2).phase == Phase::lingering);
}

TEST_CASE("an exit that answers, but never that it has its SURBs, keeps nothing for ever") {
    Plan p{lifetime(600s)};
    p.next_never_stocks = true;
    p.run(640s);
    REQUIRE(p.entry(2).phase == Phase::trial);
    p.next_never_stocks = false;
    p.run(200s);
    CHECK(p.plan.find(2) == nullptr);
    CHECK(p.entry(1).phase == Phase::lingering);
    CHECK(p.entry(3).phase == Phase::main);
}

TEST_CASE("when the main session dies the one that lingers keeps its lifetime") {
    Plan p{lifetime(600s)};
    p.run(660s);
    REQUIRE(p.entry(1).phase == Phase::lingering);
    REQUIRE(p.entry(2).phase == Phase::main);
    const auto lingers_from = p.entry(1).since;
    p.silent_from[2] = p.now;
    p.run(120s);
    CHECK(p.plan.find(2) == nullptr);
    CHECK(p.entry(3).phase == Phase::main);
    CHECK(p.entry(1).phase == Phase::lingering);
    p.run(lingers_from + 599s - p.now);
    CHECK(p.entry(1).phase == Phase::lingering);
    p.run(300s);  // it ends with the next handover
    CHECK(p.plan.find(1) == nullptr);
    CHECK(p.entry(3).phase == Phase::lingering);
}

TEST_CASE("a session on trial that does not answer costs a tenth of R, and another is tried") {
    Plan p{lifetime(600s)};
    p.run(585s);
    p.next_is_silent = true;
    p.run(15s);
    REQUIRE(p.plan.entries().size() == 2);
    p.next_is_silent = false;
    // On trial from 600 s, found dead at 612 s; the next one is on trial from 620 s.
    p.run(20500ms);
    CHECK(p.entry(2).phase == Phase::closing);
    CHECK(p.entry(2).dead);
    CHECK(p.entry(1).phase == Phase::main);
    CHECK(p.pace(1) == 40.5);
    CHECK(p.plan.current(p.now) == SessionHandle{1});
    CHECK(p.entry(3).phase == Phase::trial);
    p.run(19500ms);
    CHECK(p.ended == std::vector<SessionHandle>{2});
    p.run(40s);
    CHECK(p.entry(3).phase == Phase::main);
    CHECK(p.entry(1).phase == Phase::lingering);
}

TEST_CASE("when the only session dies another takes its place at once") {
    Plan p;
    p.run(60s);
    p.silent_from[1] = p.now;
    p.recovering = true;
    p.run(12100ms);
    CHECK(p.entry(1).dead);
    CHECK(p.entry(2).phase == Phase::opening);
    CHECK(p.entry(2).schedule.next.milli == 45'000);
    p.run(3s);
    CHECK(p.pace(2) == 45);
    CHECK(p.entry(2).schedule.change_second == 1'800'000'075);
    p.run(10s);
    CHECK(p.ended == std::vector<SessionHandle>{1});
}

TEST_CASE("a session that ends is kept until the last replies of its old pace must have come") {
    Plan p;
    p.run(60s);
    p.silent_from[1] = p.now;
    p.recovering = true;
    while (p.entry(1).phase != Phase::closing)
        p.run(100ms);
    const auto change = p.entry(1).schedule.change_at;
    p.run(change + p.parameters.longest_route_delay() - 100ms - p.now);
    CHECK(p.ended.empty());
    p.run(200ms);
    CHECK(p.ended == std::vector<SessionHandle>{1});
}

TEST_CASE("two exits are drawn out of turn in a lifetime, and then the same one until the next") {
    Plan p{lifetime(600s)};
    p.run(60s);
    p.recovering = true;
    p.next_is_silent = true;
    p.silent_from[1] = p.now;
    const auto first = p.now;
    p.run(100s);
    CHECK(p.early_draws() == 2);
    CHECK(p.died.size() > 2);
    p.run(first + 600s - p.now);
    CHECK(p.early_draws() == 2);
    // A lifetime after the first early draw another one is allowed.
    p.run(20s);
    CHECK(p.early_draws() == 3);
}

TEST_CASE("a link that breaks again and again allows no further early draws") {
    Plan p;
    p.recovering = true;
    p.next_is_silent = true;
    p.silent_from[1] = p.now;
    for (int i = 0; i < 20; ++i) {
        p.run(30s);
        p.plan.clear();
        p.announced.clear();
        p.begun = p.now;
        p.plan.start();
        p.step();
    }
    CHECK(p.died.size() > 10);
    CHECK(p.early_draws() == early_draws_max);
}

TEST_CASE("an excused session, and one whose exit is no longer listed, are no early draws") {
    Plan p{lifetime(600s)};
    p.run(60s);
    p.recovering = true;
    for (int i = 0; i < 4; ++i) {
        const auto current = *p.plan.current(p.now);
        p.excused.insert(current);
        p.run(10s);
        CHECK_FALSE(p.entry(current).dead);  // an excuse alone is no silence
        p.silent_from[current] = p.now;
        p.run(19s);
        CHECK(p.died.at(current));
        p.run(20s);
        const auto listed_no_more = p.last;
        p.unlisted.insert(listed_no_more);
        p.run(11s);
        CHECK_FALSE(p.died.at(listed_no_more));
        p.run(30s);
    }
    p.excused.clear();
    p.silent_from[*p.plan.current(p.now)] = p.now;
    p.run(30s);
    CHECK_FALSE(p.died.rbegin()->second);
}

TEST_CASE("the time for which the link is silent does not count for a trial") {
    Plan p{lifetime(600s)};
    p.next_never_stocks = true;
    p.run(640s);
    REQUIRE(p.entry(2).phase == Phase::trial);
    p.frozen = 120s;
    p.run(200s);
    CHECK(p.entry(2).phase == Phase::trial);
    p.run(60s);
    CHECK(p.plan.find(2) == nullptr);
}

TEST_CASE("where no exit is left the plan waits, and goes on when there is one") {
    Plan p;
    p.run(60s);
    p.exits = false;
    p.silent_from[1] = p.now;
    p.recovering = true;
    p.run(60s);
    REQUIRE(p.plan.entries().size() == 1);
    p.exits = true;
    p.run(12s);
    CHECK(p.pace(2) == 45);
}

TEST_CASE("a plan that starts anew keeps nothing of before") {
    Plan p;
    p.run(1100ms);
    REQUIRE(p.entry(1).schedule.change_at == begin + 3s);
    p.plan.start();
    for (const auto end = begin + 4s; p.now < end; p.now += 100ms)
        p.plan.step(p.now, network, p);
    REQUIRE(p.plan.entries().size() == 1);
    CHECK((p.plan.entries().front().phase == Phase::opening));
    CHECK((p.plan.entries().front().schedule.change_at == begin + 5s));
}

TEST_CASE("how soon an exit answers moves no change") {
    std::vector<std::vector<base::Nanoseconds>> changes;
    for (const auto after : {100ms, 400ms, 1900ms, 8000ms}) {
        Plan p{lifetime(20s)};
        p.answers_after = after;
        base::Mono last{};
        auto& seen = changes.emplace_back();
        for (const auto end = p.now + 300s; p.now < end; p.run(100ms)) {
            for (const auto& entry : p.plan.entries()) {
                if (entry.schedule.change_at <= last) continue;
                last = entry.schedule.change_at;
                seen.push_back(last - begin);
            }
        }
        CHECK(seen.size() > 8);
        CHECK((seen == changes.front()));
    }
}

TEST_CASE("no change is announced before the last one has come into force at every exit") {
    // With such a short lifetime the next session is due as soon as a change is over.
    Plan p{lifetime(20s)};
    base::Mono last_change{};
    std::uint32_t changes = 0;
    for (const auto end = p.now + 300s; p.now < end; p.run(100ms)) {
        auto latest = last_change;
        for (const auto& entry : p.plan.entries())
            latest = std::max(latest, entry.schedule.change_at);
        if (latest == last_change) continue;
        CHECK((p.now >= last_change + 2s));
        last_change = latest;
        ++changes;
    }
    CHECK(changes > 12);
}

TEST_CASE("a first session begins at a multiple of session_grid, or with a handover") {
    struct Row {
        const char* what;
        base::Seconds grid;
        base::Nanoseconds connects;  // after `begin`
        int begins;                  // seconds after `begin`
    };
    const Row rows[]{
        {"3 s before a multiple", 60s, 57s, 60},
        {"less than 3 s before it", 60s, 57s + 1ms, 120},
        {"long before it", 60s, 60s, 120},
        {"so that it can take part in a handover", 5s, 580s, 585},
        {"too late for that", 5s, 583s, 600},
        {"as the handover is announced", 60s, 592s, 600},
        {"2 s before the handover", 20s, 598s, 620},
    };
    for (const auto& row : rows) {
        INFO(row.what);
        auto parameters = lifetime(600s);
        parameters.session_grid = row.grid;
        Plan p{parameters};
        p.plan.clear();
        p.plan.start();
        std::set<std::uint32_t> changes;
        const auto connects = begin + row.connects;
        for (auto now = connects; now < begin + 640s; now += 20ms) {
            p.now = now;
            p.plan.step(now, network, p);
            for (const auto& entry : p.plan.entries())
                if (entry.schedule.sequence > 0) changes.insert(entry.schedule.change_second);
            const bool before = now < begin + base::Seconds{row.begins} - first_tick_after;
            // It is there for streams, but no packet goes to it.
            REQUIRE(p.plan.current(now).has_value());
            CHECK(p.plan.slot_weights(now).empty() == before);
        }
        const auto start = 1'800'000'000u;
        std::set<std::uint32_t> expected{start + static_cast<unsigned>(row.begins)};
        if (row.begins < 600) expected.insert({start + 600, start + 620});
        CHECK(changes == expected);
    }
}

TEST_CASE("a first session follows network time that is found after connecting") {
    struct Row {
        const char* what;
        base::Milliseconds off;  // the clock, until 500 ms after connecting
        int begins;              // by the right clock, seconds after `begin`
    };
    // The client connects 10 s after `begin`.
    for (const auto& row :
         {Row{"right", 0ms, 60}, Row{"behind", -20s, 60}, Row{"ahead", 20s, 60},
          Row{"the next multiple has passed by its clock", 55s, 60},
          Row{"the last multiple is still ahead by its clock", -14s, 60},
          Row{"less than a second off", 800ms, 60}, Row{"the same", -800ms, 60}}) {
        INFO(row.what);
        auto parameters = lifetime(600s);
        parameters.session_grid = 60s;
        Plan p{parameters};
        p.plan.clear();
        p.plan.start();
        auto clock = network;
        clock.move(row.off);
        std::optional<base::Nanoseconds> opened;
        std::uint32_t second = 0;
        for (auto now = begin + 10s; now < begin + 130s; now += 20ms) {
            if (now == begin + 10'500ms) clock.move(-row.off);
            p.now = now;
            p.plan.step(now, clock, p);
            if (!opened && !p.plan.slot_weights(now).empty()) opened = now - begin;
            for (const auto& entry : p.plan.entries())
                if (entry.schedule.sequence == 1) second = entry.schedule.change_second;
        }
        CHECK((opened == base::Seconds{row.begins} - first_tick_after));
        CHECK(second == 1'800'000'000u + static_cast<unsigned>(row.begins));
    }
}

TEST_CASE("a plan that stood still decides nothing late, and takes part a step later") {
    Plan p{lifetime(600s)};
    p.run(591s);
    p.now += 5s;  // the handover opens at 592 s
    p.run(5s);
    CHECK(p.plan.entries().size() == 1);
    p.run(10s);
    CHECK(p.entry(2).schedule.change_second == 1'800'000'610);
}
