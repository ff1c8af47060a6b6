#include "sphinx/node/process/restart_pause.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::node::process;

TEST_CASE("restart pause: none after the first failure, then doubled to its bound") {
    RestartPause pause{{base::Milliseconds{250}, base::Milliseconds{900}, base::Seconds{60}}};
    const auto at_once = base::Seconds{0};
    CHECK(pause.after(at_once) == base::Milliseconds{0});
    CHECK(pause.after(at_once) == base::Milliseconds{250});
    CHECK(pause.after(at_once) == base::Milliseconds{500});
    CHECK(pause.after(at_once) == base::Milliseconds{900});
    CHECK(pause.after(base::Seconds{59}) == base::Milliseconds{900});
    CHECK(pause.after(base::Seconds{60}) == base::Milliseconds{0});
    CHECK(pause.after(at_once) == base::Milliseconds{250});
}
