#include "sphinx/base/log_bounds.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar::base;

namespace {
const Wall noon{Seconds{1'800'014'400}};  // a multiple of an hour
const std::string about = "bugs ended tasks since the last line about them: ";
}  // namespace

TEST_CASE("bug count: bugs are counted by task, and said at the end of a window") {
    BugCount bugs{Seconds{3600}, noon + Seconds{100}};
    CHECK(!bugs.rest());
    for (int i = 0; i < 1000; ++i)
        bugs.add("link");
    bugs.add("authority");
    CHECK(!bugs.due(noon + Seconds{3599}));
    CHECK(bugs.due(noon + Seconds{3600}).value_or("") == about + "authority (1), link (1000)");
    CHECK(!bugs.due(noon + Seconds{3600}));
    bugs.add("link");
    CHECK(!bugs.due(noon + Seconds{7199}));
    CHECK(bugs.due(noon - Seconds{5}).value_or("") ==
          about + "link (1)");  // the clock was set back
    bugs.add("link");
    CHECK(bugs.rest().value_or("") == about + "link (1)");
    CHECK(!bugs.rest());
}

TEST_CASE("bug count: tasks beyond its bound share one name") {
    BugCount bugs{Seconds{3600}, noon};
    for (int i = 0; i < 100; ++i)
        bugs.add("task " + std::to_string(i));
    bugs.add("task 0");
    const auto line = bugs.rest().value_or("");
    CHECK(line.find("task 0 (2)") != std::string::npos);
    CHECK(line.find("others (84)") != std::string::npos);
    CHECK(line.find("task 16 ") == std::string::npos);
}
