// What `nightjar-relay status` says of a month's cap.
#include <doctest/doctest.h>

#include <string>

#include "relay/operation/capacity.hpp"
#include "relay/operation/status.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::operation;
using base::Seconds;

namespace {

constexpr std::uint64_t cap = 2'000'000'000'000;

std::string line_of(const StatusFacts& status) {
    const auto text = to_people(to_json(status)).value();
    const auto at = text.find("  month      ");
    return at == text.npos ? "" : text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("status: the share of a month's cap that is used, and by how much of the month") {
    StatusFacts status;
    CHECK(to_json(status).find("traffic_month") == std::string::npos);
    CHECK(line_of(status).empty());

    status.month_cap = cap;
    CHECK(to_json(status).find(R"("traffic_month":{"cap_bytes":2000000000000})") !=
          std::string::npos);
    CHECK(line_of(status) == "  month      at most 2.0 TB");

    status.month = metrics::MonthUse{150'000'000, Seconds{1'736'640}, Seconds{1'762'560}};
    CHECK(to_json(status).find(
              R"("traffic_month":{"cap_bytes":2000000000000,"used_bytes":768000000000,)"
              R"("counted_seconds":1736640,"passed_seconds":1762560})") != std::string::npos);
    CHECK(line_of(status) ==
          "  month      38 % of 2.0 TB used, by 20.1 of the 20.4 days that have passed");
    // Never more than was counted: 99.99 % is not the whole cap.
    status.month->packets = cap / line_bytes_per_packet - 1;
    CHECK(line_of(status).starts_with("  month      99 % of"));
    status.month->packets = UINT64_MAX;
    CHECK(line_of(status).find(" % of 2.0 TB used") != std::string::npos);
}
