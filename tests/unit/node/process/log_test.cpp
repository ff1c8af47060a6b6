#include "sphinx/node/process/log.hpp"

#include <doctest/doctest.h>
#include <string>

#include "sphinx/base/log_bounds.hpp"
#include "tests/support/written.hpp"

using namespace nightjar;
using namespace nightjar::node::process;
using base::LogLimit;

namespace {

constexpr LogLimit::Place of_links{"link.cpp", 7}, of_exits{"exit.cpp", 7};
const base::Mono start{base::Seconds{1000}};

int taken(LogLimit& limit, LogLimit::Place place, int tries, base::Mono now) {
    int count = 0;
    for (int i = 0; i < tries; ++i)
        count += limit.take(place, "line " + std::to_string(i), now) ? 1 : 0;
    return count;
}

}  // namespace

TEST_CASE(
    "log: a place writes thirty lines in a row, then one a minute, and takes none from others") {
    LogLimit limit;
    CHECK(taken(limit, of_links, 1000, start) == 30);
    CHECK(taken(limit, of_exits, 10, start) == 10);
    CHECK(taken(limit, of_links, 1000, start + base::Seconds{59}) == 0);
    CHECK(taken(limit, of_links, 1000, start + base::Seconds{60}) == 1);
    CHECK(taken(limit, of_links, 1000, start + base::Seconds{60 + 59}) == 0);
    CHECK(taken(limit, of_links, 1000, start + base::Seconds{60 + 180}) == 3);
    CHECK(taken(limit, of_links, 1000, start + base::Seconds{86'400}) == 30);
}

TEST_CASE("log: what was left out is counted, and said once") {
    LogLimit limit;
    CHECK(taken(limit, of_links, 530, start) == 30);
    CHECK(limit.due(start).empty());
    CHECK(limit.due(start + base::Seconds{59}).empty());
    const auto due = limit.due(start + base::Seconds{61});
    REQUIRE(due.size() == 1);
    CHECK(due[0].count == 500);
    CHECK(due[0].last == "line 529");
    // To say it was this minute's line.
    CHECK(taken(limit, of_links, 3, start + base::Seconds{61}) == 0);
    CHECK(limit.due(start + base::Seconds{62}).empty());
    const auto rest = limit.rest();
    REQUIRE(rest.size() == 1);
    CHECK(rest[0].count == 3);
    CHECK(limit.rest().empty());
}

TEST_CASE("log: a thousand lines of one call leave thirty and their number") {
    const auto text = test::written_to_stderr([] {
        for (int i = 0; i < 1000; ++i)
            log(Level::warning, "a stranger did this, time " + std::to_string(i));
        log(Level::warning, "another place");
        log_left_out();
        log_left_out();
    });
    CHECK(std::count(text.begin(), text.end(), '\n') == 30 + 1 + 1);
    CHECK(text.find("another place\n") != std::string::npos);
    CHECK(text.find("left out 970 lines of one kind, which came too fast; the last: a stranger did "
                    "this, time 999\n") != std::string::npos);
}
