// The puzzles of a client's sessions: for whom they are solved, and how a session says that
// it has solved its own.
#include "client/core/puzzles.hpp"

#include "tests/unit/client/core/session_fixture.hpp"

using namespace nightjar;
using namespace nightjar::client::core;
using namespace nightjar::client_test;

namespace {

constexpr unsigned bits = 8;
constexpr std::uint32_t enough = 1 << 16;  // tries for any puzzle here
constexpr base::Wall now{base::Seconds{1'800'000'000}};

base::NodeId exit_named(std::uint8_t fill) {
    base::NodeId exit;
    exit.bytes.fill(fill);
    return exit;
}
base::SessionId fresh(std::uint8_t fill) {
    base::SessionId session;
    session.bytes.fill(fill);
    return session;
}

struct Solving {
    Solving() { puzzles.solve(bits); }
    Puzzles puzzles;
    base::SeededRandom random{1};
};

}  // namespace

TEST_CASE("puzzles: a session's solution depends on no other session") {
    const auto steps_of = [](SessionHandle session, bool others) {
        Solving c;
        if (others) {
            c.puzzles.prepare(exit_named(3), c.random, now);
            c.puzzles.begin(2, exit_named(2), fresh(2), now);
        }
        c.puzzles.begin(session, exit_named(1), fresh(1), now);
        for (int steps = 1;; ++steps)
            for (const auto& solved : c.puzzles.step(1))
                if (solved.session == session) return steps;
    };
    CHECK(steps_of(1, false) > 10);
    CHECK(steps_of(1, true) == steps_of(1, false));
}

TEST_CASE("puzzles: each session gets the solution of its own puzzle, once") {
    Solving c;
    CHECK(c.puzzles.begin(1, exit_named(1), fresh(1), now) == fresh(1));
    CHECK(c.puzzles.begin(2, exit_named(2), fresh(2), now) == fresh(2));
    const auto solved = c.puzzles.step(enough);
    REQUIRE(solved.size() == 2);
    CHECK(solved[0].session == 1);
    CHECK(solved[1].session == 2);
    for (std::uint8_t i = 1; i <= 2; ++i) {
        const auto& solution = solved[i - 1].solution;
        CHECK(stream::solves_lately({exit_named(i), 0, fresh(i)}, solution, bits, now));
    }
    CHECK(c.puzzles.step(enough).empty());
}

TEST_CASE("puzzles: a session takes the id that was drawn ahead for its exit, and its solution") {
    Solving c;
    c.puzzles.prepare(exit_named(1), c.random, now);
    CHECK(c.puzzles.step(enough).empty());  // solved now, for no session yet
    CHECK(c.puzzles.begin(3, exit_named(2), fresh(3), now) == fresh(3));
    CHECK(c.puzzles.step(enough).size() == 1);
    const auto later = now + base::Seconds{7200};
    const auto id = c.puzzles.begin(4, exit_named(1), fresh(4), later);
    CHECK(id != fresh(4));
    const auto solved = c.puzzles.step(1);
    REQUIRE(solved.size() == 1);
    CHECK(solved[0].session == 4);
    CHECK(stream::solves_lately({exit_named(1), 0, id}, solved[0].solution, bits, later));
    CHECK(c.puzzles.begin(5, exit_named(1), fresh(5), now) == fresh(5));  // it was used
}

TEST_CASE("puzzles: what was drawn ahead too long ago is not used") {
    Solving c;
    c.puzzles.prepare(exit_named(1), c.random, now);
    CHECK(c.puzzles.begin(1, exit_named(1), fresh(1), now + base::Seconds{4 * 3600}) == fresh(1));
}

TEST_CASE("puzzles: an ended session's puzzle is given up") {
    Solving c;
    c.puzzles.begin(1, exit_named(1), fresh(1), now);
    c.puzzles.begin(2, exit_named(1), fresh(2), now);
    c.puzzles.ended(1);
    const auto solved = c.puzzles.step(enough);
    REQUIRE(solved.size() == 1);
    CHECK(solved[0].session == 2);
}

TEST_CASE("puzzles: the work for a slot has a bound at every rate") {
    directory::Parameters parameters;
    parameters.main_slots = {45'000};
    parameters.client_loops = {5'000};
    CHECK(tries_per_slot(parameters) == 500);
    parameters.main_slots = {1'000};
    CHECK(tries_per_slot(parameters) == 4'166);
    parameters.client_loops = {100};
    CHECK(tries_per_slot(parameters) == 5'000);
}

TEST_CASE("session: its solution is in each packet for 8 s, beside five SURBs too") {
    SessionFixture c;
    const stream::Solution solution{1, 2, 3, 4, 5};
    c.session.prove(solution);
    bool beside_five = false;
    const auto begun = c.now;
    while (c.now < begun + Session::proof_for) {
        const auto up = c.compose();
        CHECK(up.proof == solution);
        beside_five = beside_five || up.header.surb_count == stream::surbs_max;
        c.now += 100ms;
    }
    CHECK(beside_five);
    CHECK_FALSE(c.compose().proof);
}

TEST_CASE("session: frames share a packet with its solution") {
    SessionFixture c;
    c.session.prove({1, 2, 3, 4, 5});
    const auto stream = c.session.mux().open({"example.org", 80});
    REQUIRE(stream);
    bool opened = false;
    for (int i = 0; i < 40 && !opened; ++i) {
        CHECK(c.compose().proof);
        c.now += 20ms;
        for (const auto& event : c.far.take_events())
            opened = opened || event.kind == stream::Event::Kind::opened;
    }
    CHECK(opened);
}
