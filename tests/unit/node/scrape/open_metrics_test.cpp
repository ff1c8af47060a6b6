#include "sphinx/node/scrape/open_metrics.hpp"

#include <doctest/doctest.h>

using namespace nightjar::node::scrape;

TEST_CASE("open metrics: counters' families have no suffix, and the text has an end") {
    CHECK(to_open_metrics("# HELP a_total Things.\n# TYPE a_total counter\na_total 3\n"
                          "# HELP b Level.\n# TYPE b gauge\nb{x=\"1\"} 0.5\n") ==
          "# HELP a Things.\n# TYPE a counter\na_total 3\n"
          "# HELP b Level.\n# TYPE b gauge\nb{x=\"1\"} 0.5\n# EOF\n");
    CHECK(to_open_metrics("") == "# EOF\n");
    CHECK(to_open_metrics("# TYPE a_total") == "# TYPE a_total# EOF\n");
}

TEST_CASE("open metrics: only for those who ask for it") {
    // What Prometheus 2.42 sends.
    CHECK(prefers_open_metrics(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
    CHECK(prefers_open_metrics("application/openmetrics-text"));
    CHECK(prefers_open_metrics("text/plain , application/openmetrics-text ; q=1.000"));
    for (const auto* accept :
         {"", "*/*", "text/plain", "application/openmetrics-text;q=0",
          "text/plain;q=0.9,application/openmetrics-text;q=0.8", "application/openmetrics-texts",
          "application/openmetrics-text;q=x", "application/openmetrics-text;q=0.0001",
          ",,;;,=", "application/openmetrics-text;q="})
        CHECK_MESSAGE(!prefers_open_metrics(accept), accept);
}
