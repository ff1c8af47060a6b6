#include "client/operation/ping_text.hpp"

#include <doctest/doctest.h>

using namespace nightjar::client::operation;

TEST_CASE("ping: the summary counts what was lost, and the histogram every answer") {
    CHECK(ping_summary({}, 0).empty());
    CHECK(ping_summary({}, 3) == "3 sent, 3 lost\n");
    CHECK(ping_summary({512.4}, 0) ==
          "1 sent, 0 lost; least 512, median 512, 90 % within 512, most 512 ms\n");
    CHECK(ping_summary({700, 430, 449.9, 450, 610, 400, 405, 499, 410, 900}, 1) ==
          "11 sent, 1 lost; least 400, median 450, 90 % within 700, most 900 ms\n"
          "   400 to    450 ms     5 ##################################################\n"
          "   450 to    500 ms     2 ####################\n"
          "   500 to    550 ms     0 \n"
          "   550 to    600 ms     0 \n"
          "   600 to    650 ms     1 ##########\n"
          "   650 to    700 ms     0 \n"
          "   700 to    750 ms     1 ##########\n"
          "   750 to    800 ms     0 \n"
          "   800 to    850 ms     0 \n"
          "   850 to    900 ms     0 \n"
          "   900 to    950 ms     1 ##########\n");
    CHECK(ping_summary({7, 7, 7, 7, 7}, 0) ==
          "5 sent, 0 lost; least 7, median 7, 90 % within 7, most 7 ms\n"
          "     7 to      8 ms     5 ##################################################\n");
}
