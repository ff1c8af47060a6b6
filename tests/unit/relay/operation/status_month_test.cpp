// What `nightjar-relay status` says of a month's cap, of the authorities' clocks, and of what the
// document announces.
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

TEST_CASE("status: a clock that is off is named, and how many authorities agree") {
    const auto shown = [](std::optional<ClockOpinion> clock) {
        StatusFacts status;
        status.clock = clock;
        const auto json = to_json(status);
        const auto text = to_people(json).value();
        const auto at = text.find("  clock      ");
        return std::pair{json, at == text.npos ? "" : text.substr(at, text.find('\n', at) - at)};
    };
    CHECK(shown(std::nullopt).first.find("clock_ahead") == std::string::npos);
    CHECK(shown(std::nullopt).second.empty());
    const auto [json, line] = shown(ClockOpinion{base::Milliseconds{3'660'000}, 4, 4});
    CHECK(json.find(R"("clock_ahead":{"seconds":3660.0,"authorities_heard":4,)"
                    R"("authorities_agree":4})") != std::string::npos);
    CHECK(line == "  clock      61 min ahead of 4 of the 4 authorities that have said the time");
    CHECK(shown(ClockOpinion{base::Milliseconds{-4'300}, 2, 3}).second ==
          "  clock      4.3 s behind 2 of the 3 authorities that have said the time");
    const auto right = shown(ClockOpinion{base::Milliseconds{2'000}, 2, 3});
    CHECK(right.first.find(R"("clock_ahead":{"seconds":2.0)") != std::string::npos);
    CHECK(right.second.empty());
}

TEST_CASE("status: parameters that the document announces are named with their epoch") {
    StatusFacts status;
    CHECK(to_json(status).find("parameters_from_epoch") == std::string::npos);
    status.parameters_from = base::Epoch{500'123};
    CHECK(to_json(status).find("\"parameters_from_epoch\":500123") != std::string::npos);
    CHECK(to_people(to_json(status))->find("  announced  parameters change at epoch 500123\n") !=
          std::string::npos);
}
