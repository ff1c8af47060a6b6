#include "sphinx/directory/key_times.hpp"

#include <doctest/doctest.h>

using namespace nightjar;
using namespace nightjar::directory;
using namespace std::chrono_literals;

TEST_CASE("key times: those of two minutes hold for every longer epoch, and shrink below") {
    const auto same = [](base::Seconds length) {
        const auto times = KeyTimes::of(length);
        return times.early == 75s && times.made_for_next == 30s && times.made_for_next_min == 15s &&
               times.made_for_next_max == 45s && times.clock_error == 30s;
    };
    CHECK(same(120s));
    CHECK(same(3600s));
    CHECK(same(7 * 24h));
    const auto half = KeyTimes::of(60s);
    CHECK(half.early == 37'500ms);
    CHECK(half.made_for_next == 15s);
    CHECK(half.made_for_next_min == 7'500ms);
    CHECK(half.made_for_next_max == 22'500ms);
    CHECK(half.clock_error == 15s);
    CHECK(KeyTimes::of(119s).early == 74'375ms);
}

TEST_CASE("key times: in every epoch a packet bears the clocks' error at both ends") {
    for (auto length = lab_epoch_length_least; length <= 150s; length += 1s) {
        CAPTURE(length.count());
        const auto times = KeyTimes::of(length);
        // A packet for the next epoch comes to a relay whose clock is behind.
        CHECK(times.early == times.made_for_next_max + times.clock_error);
        CHECK(2 * times.made_for_next == times.made_for_next_min + times.made_for_next_max);
        Parameters parameters;
        parameters.epoch_length = length;
        // The last packet for the old one is built by a clock that is behind, and takes the longest
        // way.
        CHECK(parameters.key_grace() - times.clock_error + times.made_for_next_min ==
              parameters.longest_route_delay());
        // A relay holds the keys of two epochs ahead, so two are accepted at most.
        CHECK(times.early + parameters.key_grace() < length);
    }
}

TEST_CASE("key times: relays' loops change to the next keys by the epoch's own times") {
    const base::Wall end{6'000'000s};
    CHECK(epoch_to_build_for(end - 15'001ms, 60s) == base::Epoch{99'999});
    CHECK(epoch_to_build_for(end - 15s, 60s) == base::Epoch{100'000});
    CHECK(epoch_to_build_for(end - 30'001ms, 120s) == base::Epoch{49'999});
    CHECK(epoch_to_build_for(end - 30s, 120s) == base::Epoch{50'000});
}
