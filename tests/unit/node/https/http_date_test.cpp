#include "sphinx/node/https/http_date.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::node::https;

TEST_CASE("http date: what is written is read, to the second") {
    CHECK(http_date(base::Wall{base::Seconds{784'111'777}}) == "Sun, 06 Nov 1994 08:49:37 GMT");
    for (std::int64_t second = 0; second < 250'000'000'000; second += 123'456'789) {
        const base::Wall at{base::Seconds{second}};
        CHECK(parse_http_date(http_date(at)) == at);
        CHECK(parse_http_date(http_date(at + base::Milliseconds{999})) == at);
    }
}

TEST_CASE("http date: every other text is refused") {
    for (const auto* text : {"", "Sun, 06 Nov 1994 08:49:37", "Mon, 06 Nov 1994 08:49:37 GMT",
                             "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                             "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
                             "Thu, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
                             "Sun,  6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
                             "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 -1:49:37 GMT",
                             "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
        CAPTURE(text);
        CHECK(parse_http_date(text) == std::nullopt);
    }
}
