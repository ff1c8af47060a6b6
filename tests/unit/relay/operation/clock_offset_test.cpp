#include "relay/operation/clock_offset.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::relay::operation;
using base::Milliseconds;

namespace {

const base::Wall now{base::Seconds{1'800'000'000}};

/// This machine's clock is ahead by `off`, and the authority's said `now` + 400 ms.
AuthorityTime off_by(Milliseconds off) {
    return {now, now + Milliseconds{300} + off, now + Milliseconds{500} + off};
}

}  // namespace

TEST_CASE("clock offset: an answer leaves a second open, and the way there") {
    CHECK(ahead(off_by(Milliseconds{0})) == Milliseconds{0});
    CHECK(ahead(off_by(Milliseconds{600})) == Milliseconds{0});
    CHECK(ahead(off_by(Milliseconds{-500})) == Milliseconds{0});
    CHECK(ahead(off_by(Milliseconds{5000})) == Milliseconds{4300});
    CHECK(ahead(off_by(Milliseconds{-5000})) == Milliseconds{-4500});
}

TEST_CASE("clock offset: a minority cannot move the median beyond what others say") {
    const Milliseconds far{1'000'000};
    CHECK(median({Milliseconds{3}}) == Milliseconds{3});
    CHECK(median({far, Milliseconds{2}, Milliseconds{1}}) == Milliseconds{2});
    CHECK(median({-far, Milliseconds{2}, Milliseconds{1}}) == Milliseconds{1});
    CHECK(median({-far, Milliseconds{7}, Milliseconds{5}, -far, Milliseconds{6}}) ==
          Milliseconds{5});
    // Of two in the middle the one nearer to 0.
    CHECK(median({Milliseconds{5}, far}) == Milliseconds{5});
    CHECK(median({-far, Milliseconds{-5}}) == Milliseconds{-5});
    CHECK(median({Milliseconds{4}, Milliseconds{-3}, far, -far}) == Milliseconds{-3});
}

TEST_CASE("clock offset: the last answer of each authority counts, with later steps of the clock") {
    ClockOffsets offsets{3};
    const Milliseconds difference{123'456};
    CHECK(!offsets.opinion(difference));
    offsets.hear(1, off_by(Milliseconds{40'000}), difference);
    CHECK(offsets.opinion(difference) == ClockOpinion{Milliseconds{39'300}, 1, 1});
    offsets.hear(0, off_by(Milliseconds{0}), difference);
    offsets.hear(2, off_by(Milliseconds{0}), difference);
    CHECK(offsets.opinion(difference) == ClockOpinion{Milliseconds{0}, 2, 3});
    // The operator sets the clock by five seconds. Then one authority is asked again.
    const auto stepped = difference + Milliseconds{5000};
    CHECK(offsets.opinion(stepped)->ahead == Milliseconds{4300});
    offsets.hear(0, off_by(Milliseconds{5000}), stepped);
    CHECK(offsets.opinion(stepped)->ahead == Milliseconds{4300});
    CHECK(offsets.opinion(difference)->ahead == Milliseconds{0});
}

TEST_CASE("clock offset: how many authorities agree, and a difference in words") {
    const Milliseconds hour{3'660'000};
    CHECK(opinion_of({hour, hour + Milliseconds{900}, Milliseconds{0}, hour}) ==
          ClockOpinion{hour, 3, 4});
    CHECK(opinion_of({-hour}) == ClockOpinion{-hour, 1, 1});
    CHECK(difference_words(Milliseconds{-4'260}) == "4.3 s");
    CHECK(difference_words(Milliseconds{119'900}) == "119.9 s");
    CHECK(difference_words(hour) == "61 min");
    CHECK(difference_words(Milliseconds{-40 * 3'600'000}) == "2400 min");
    CHECK(difference_words(std::chrono::days{20'000}) == "20000 days");
}
