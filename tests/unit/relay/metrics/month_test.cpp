#include "relay/metrics/month.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace nightjar;
using namespace nightjar::relay::metrics;
using base::Seconds;

namespace {

constexpr Seconds hour{3600};
constexpr Seconds day = 24 * hour;
/// 1 November and 1 December 2026, UTC.
constexpr base::Wall november{Seconds{1'793'491'200}};
constexpr base::Wall december = november + 30 * day;

Published window(base::Wall end, std::uint64_t packets, Seconds length = hour) {
    Published one;
    one.end = end;
    one.length = length;
    one.packets_in = packets;
    return one;
}

}  // namespace

TEST_CASE("month: the windows of a calendar month are added up, each once") {
    MonthTraffic traffic;
    CHECK(traffic.use(november + day).packets == 0);
    CHECK(traffic.use(november + day).counted == Seconds{0});
    CHECK(traffic.use(november + day).passed == day);
    for (int i = 1; i <= 24; ++i)
        traffic.add(window(november + i * hour, 1000));
    traffic.add(window(november + day, 1000));         // the same again
    traffic.add(window(november + day - hour, 1000));  // an older one
    traffic.add(window(november + 27 * hour, 4000, 2 * hour));
    const auto use = traffic.use(november + 2 * day);
    CHECK(use.packets == 28'000);
    CHECK(use.counted == 26 * hour);
    CHECK(use.passed == 2 * day);
}

TEST_CASE("month: a window that ends with the month belongs to it, the next one begins anew") {
    MonthTraffic traffic;
    traffic.add(window(december - hour, 7));
    traffic.add(window(december, 5));
    CHECK(traffic.use(december - Seconds{1}).packets == 12);
    CHECK(traffic.use(december).packets == 0);
    CHECK(traffic.use(december + day).passed == day);
    traffic.add(window(december + hour, 3));
    CHECK(traffic.use(december + hour).packets == 3);
    CHECK(traffic.use(december + hour).counted == hour);
    CHECK(traffic.use(december - hour).packets == 0);
}

TEST_CASE("month: what was kept is read back, and nothing else is") {
    MonthTraffic traffic;
    traffic.add(window(november + 5 * hour, 123'456));
    const auto text = traffic.text();
    CHECK(text == "until 1793509200 packets 123456 seconds 3600\n");
    CHECK(text.size() <= MonthTraffic::text_max);
    auto back = MonthTraffic::parse(text);
    REQUIRE(back);
    CHECK(back->text() == text);
    back->add(window(november + 5 * hour, 1));  // it was added before
    back->add(window(november + 6 * hour, 1));
    CHECK(back->use(november + day).packets == 123'457);
    for (std::size_t size = 0; size < text.size(); ++size)
        CHECK_FALSE(MonthTraffic::parse(text.substr(0, size)));
    for (const auto* wrong :
         {"until 1793509200 packets 1 seconds 3600\n\n", "until -1 packets 1 seconds 3600\n",
          "until 1793509200  packets 1 seconds 3600\n", "until 253402300800 packets 1 seconds 1\n",
          "until 1793509200 packets 18446744073709551616 seconds 3600\n",
          "until 1793509200 packets 1 seconds 5356801\n"})
        CHECK_FALSE(MonthTraffic::parse(wrong));
    const auto last =
        MonthTraffic::parse("until 253402300799 packets 18446744073709551615 seconds 5356800\n");
    REQUIRE(last);
    CHECK(MonthTraffic{*last}.use(november).packets == 0);
}

TEST_CASE("month: a sum that is damaged does not wrap around") {
    auto traffic =
        MonthTraffic::parse("until 1793494800 packets 18446744073709551614 seconds 3600\n");
    REQUIRE(traffic);
    traffic->add(window(november + 2 * hour, 100));
    CHECK(traffic->use(november + day).packets == UINT64_MAX);
}
