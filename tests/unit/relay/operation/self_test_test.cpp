#include "relay/operation/self_test.hpp"

#include <doctest/doctest.h>

#include "sphinx/node/process/clocks.hpp"

using namespace nightjar;
using namespace nightjar::relay::operation;

TEST_CASE("self-test: a figure in hundreds, within its time") {
    const auto begin = node::process::mono_now();
    const auto measured = self_test(base::Milliseconds{20});
    const auto spent = node::process::mono_now() - begin;
    CHECK(measured.packets_per_second >= 100);
    CHECK(measured.packets_per_second % 100 == 0);
    CHECK(
        (measured.kernel == "portable" || measured.kernel == "avx2" || measured.kernel == "ifma"));
    CHECK(spent >= base::Milliseconds{20});
    // A machine that unwraps so many in 20 ms cannot have counted more: 1 us a packet is out of
    // reach.
    CHECK(measured.packets_per_second < 1'000'000);
}
