#include "client/protocol/stages.hpp"

#include <doctest/doctest.h>

#include "client/protocol/goodput.hpp"

using namespace nightjar;
using namespace nightjar::client::protocol;

namespace {

base::Mono at(int milliseconds) {
    return base::Mono{} + base::Milliseconds{milliseconds};
}

}  // namespace

TEST_CASE("stages: one runs at a time, with the time that it is likely to take") {
    Stages stages{at(1'000)};
    auto rows = stages.rows(at(1'400));
    CHECK(rows[0].state == Stages::Row::running);
    CHECK(rows[0].took == base::Milliseconds{400});
    CHECK(!rows[0].left);
    CHECK(rows[1].state == Stages::Row::waiting);

    stages.done(Stage::document, at(2'000));
    stages.done(Stage::link, at(2'500));
    stages.done(Stage::link, at(9'000));  // a link that came back
    stages.expect(at(30'000));
    rows = stages.rows(at(10'500));
    CHECK(rows[0].state == Stages::Row::over);
    CHECK(rows[0].took == base::Milliseconds{1'000});
    CHECK(rows[1].took == base::Milliseconds{500});
    CHECK(rows[2].state == Stages::Row::running);
    CHECK(rows[2].took == base::Milliseconds{8'000});
    CHECK(rows[2].left == base::Milliseconds{19'500});
    CHECK(stages.rows(at(31'000))[2].left == base::Nanoseconds{0});
    CHECK(!stages.all_done());
    stages.done(Stage::session, at(32'000));
    CHECK(stages.all_done());
    CHECK(!stages.rows(at(40'000))[2].left);
}

TEST_CASE("goodput: the average of the last minute, and of less at the start") {
    Goodput goodput;
    CHECK(goodput.per_second() == Carried{});
    goodput.sample(at(0), {});
    CHECK(goodput.per_second() == Carried{});
    goodput.sample(at(2'000), {1'000, 3'001});
    CHECK(goodput.per_second() == Carried{500, 1'501});
    for (int second = 3; second <= 120; ++second)
        goodput.sample(at(1'000 * second), {1'000, 3'001});
    CHECK(goodput.per_second() == Carried{});
    goodput.sample(at(121'000), {7'000, 3'001});
    CHECK(goodput.per_second() == Carried{100, 0});
}
