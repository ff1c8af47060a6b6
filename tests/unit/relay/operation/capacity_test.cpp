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
