#include "relay/operation/capacity.hpp"

#include <doctest/doctest.h>

using namespace nightjar::relay::operation;

namespace {

std::uint32_t announced(std::uint32_t measured, std::optional<std::uint32_t> configured = {},
                        std::uint32_t before = 0) {
    return announced_capacity({measured, 1, 4, configured, before});
}

}  // namespace

TEST_CASE("capacity: one digit, rounded down") {
    CHECK(coarse(0) == 0);
    CHECK(coarse(7) == 7);
    CHECK(coarse(10) == 10);
    CHECK(coarse(19) == 10);
    CHECK(coarse(99'999) == 90'000);
    CHECK(coarse(1'000'000) == 1'000'000);
    CHECK(coarse(4'294'967'295) == 4'000'000'000);
}

TEST_CASE("capacity: what the workers do, no more than the cores and the I/O thread allow") {
    CHECK(announced_capacity({12'300, 1, 4, {}, 0}) == 10'000);
    CHECK(announced_capacity({12'300, 2, 4, {}, 0}) == 20'000);
    CHECK(announced_capacity({12'300, 2, 1, {}, 0}) == 10'000);
    CHECK(announced_capacity({12'300, 64, 64, {}, 0}) == 30'000);
    CHECK(announced_capacity({4'000'000'000, 64, 64, {}, 0}) == 30'000);
    CHECK(announced_capacity({0, 0, 0, {}, 0}) == 1);
}

TEST_CASE("capacity: an operator lowers it, and never raises it") {
    CHECK(announced(12'300, 4'567) == 4'000);
    CHECK(announced(12'300, 1) == 1);
    CHECK(announced(12'300, 1'000'000) == 10'000);
    CHECK_FALSE(capacity_warning({12'300, 1, 4, {}, 0}));
    CHECK_FALSE(capacity_warning({12'300, 1, 4, 12'300, 0}));
    CHECK(capacity_warning({12'300, 1, 4, 50'000, 0}) ==
          "`capacity: 50000` is more than this machine does (12300 packets/s by the self-test): "
          "the relay announces 10000; lower it, or remove it");
}

TEST_CASE("capacity: what was announced stays while the machine is about the same") {
    CHECK(announced(9'900, {}, 10'000) == 10'000);
    CHECK(announced(7'500, {}, 10'000) == 10'000);
    CHECK(announced(7'400, {}, 10'000) == 7'000);
    CHECK(announced(20'100, {}, 10'000) == 10'000);
    CHECK(announced(25'000, {}, 10'000) == 10'000);
    CHECK(announced(25'100, {}, 10'000) == 20'000);
    // A limit counts at once, and its end too, when the machine does more.
    CHECK(announced(12'300, 4'000, 10'000) == 4'000);
    CHECK(announced(12'300, {}, 4'000) == 10'000);
    // What no relay announces is not kept.
    CHECK(announced(12'300, {}, 12'000) == 10'000);
    CHECK(announced(36'000, {}, 40'000) == 30'000);
}

TEST_CASE("capacity: an amount of traffic is a whole number and a unit") {
    CHECK(parse_traffic("1 GB") == 1'000'000'000u);
    CHECK(parse_traffic("1500 GB") == 1'500'000'000'000u);
    CHECK(parse_traffic("9999 PB") == 9'999'000'000'000'000'000u);
    for (const auto* bad :
         {"", "2", "2TB", "2 tb", "2 TiB", "2  TB", " 2 TB", "2 TB ", "0 TB", "-1 TB", "+1 TB",
          "1.5 TB", "10000 GB", "99999999999999999999 GB", "TB", "2 MB"})
        CHECK_FALSE(parse_traffic(bad));
    CHECK(traffic_text(1'500'000'000'000) == "1.5 TB");
    CHECK(traffic_text(2'000'000'000) == "2 GB");
}

TEST_CASE(
    "capacity: a month's cap lowers what is announced, so that all of it fits into each month") {
    const auto with = [](std::uint64_t month) {
        return announced_capacity({12'300, 1, 4, {}, 10'000, month});
    };
    for (const auto* text : {"1 GB", "2 TB", "20 TB", "50 TB"}) {
        const auto cap = *parse_traffic(text);
        const auto month = with(cap) * month_seconds * line_bytes_per_packet;
        CHECK((month <= cap || with(cap) == 1));
        CHECK(with(cap) < 10'000);
    }
    CHECK(with(*parse_traffic("20 TB")) == 1'000);
    CHECK(with(*parse_traffic("9999 PB")) == 10'000);
    CHECK(month_bytes(3) == 3 * 5'120);
    CHECK(month_bytes(UINT64_MAX) > UINT64_MAX - 5'120);
    // The operator's other limit counts as well.
    CHECK(announced_capacity({12'300, 1, 4, 300, 0, *parse_traffic("20 TB")}) == 300);
}

TEST_CASE("capacity: a cap below what the law sends without any client is named, with its mend") {
    CHECK_FALSE(month_fault({}, 1e6));
    CHECK_FALSE(month_fault(*parse_traffic("1 GB"), 0));
    const auto fault = month_fault(*parse_traffic("500 GB"), 60);
    REQUIRE(fault);
    CHECK(fault->what ==
          "`traffic_month` of 500 GB cannot hold: by the traffic law the loops of all relays alone "
          "take 823 GB in a month, whatever the relay announces");
    CHECK(fault->mend.starts_with("raise it to 823 GB or more"));
    CHECK(month_fault(*parse_traffic("822 GB"), 60));
    CHECK_FALSE(month_fault(*parse_traffic("823 GB"), 60));
}
