#include "client/operation/exit_country.hpp"

#include <doctest/doctest.h>

using namespace nightjar::client::operation;
using nightjar::directory::ExitGroup;

TEST_CASE("exit country: the cost in sentences, with the group's figures") {
    const auto lines = cost_of(ExitGroup{12, 7, 48, 0.25}, "nl", 0.05);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] ==
          "12 of 48 exits state nl (25 % of their capacity), of 7 operators; nothing checks what "
          "they state");
    CHECK(lines[1] ==
          "you hide among the clients that chose nl, not among all: a client that chose nothing "
          "has all its exits there with a chance of 2 %, so if 5 % of all clients choose nl, an "
          "attacker who knows your exits is 77 % sure that you are one of them");
    CHECK(lines[2] ==
          "relays with 5 % of all exits' capacity are up to 20 % of the capacity there");
}

TEST_CASE("exit country: an attacker who is in one country only has more of it") {
    CHECK(bad_in_group(ExitGroup{12, 7, 48, 0.25}, 0.05) == doctest::Approx(0.2));
    CHECK(bad_in_group(ExitGroup{12, 7, 48, 0.25}, 0.5) == 1);
    CHECK(bad_in_group(ExitGroup{}, 0.05) == 1);
}
