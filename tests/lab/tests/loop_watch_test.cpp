#include "tests/lab/attacks/loop_watch.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::lab::attacks;

namespace {

/// The number of polls until the alarm, for a relay with `rate` loops per poll.
unsigned polls_to_alarm(const WatchLaw& law, double rate, double missed, base::Random& random) {
    constexpr unsigned polls_max = 20'000;
    LoopWatch watch{law};
    for (unsigned polls = 1; polls < polls_max; ++polls) {
        std::uint64_t counts[2] = {};
        for (auto left = -std::log1p(-random.unit()) / rate; left < 1;
             left += -std::log1p(-random.unit()) / rate)
            ++counts[random.unit() < missed ? 1 : 0];
        if (watch.poll(counts[0], counts[1])) return polls;
    }
    return polls_max;
}

double mean_polls(const WatchLaw& law, double rate, double missed, unsigned runs) {
    base::SeededRandom random{5};
    double sum = 0;
    for (unsigned i = 0; i < runs; ++i)
        sum += polls_to_alarm(law, rate, missed, random) / static_cast<double>(runs);
    return sum;
}

}  // namespace

TEST_CASE("false alarms are as rare as stated, and a worse network than stated has more") {
    const WatchLaw law{.ordinary = 0.06, .withheld = 0.3, .polls_between_alarms = 200};
    CHECK(mean_polls(law, 15, 0.06, 200) >= 200);
    CHECK(mean_polls(law, 15, 0.03, 10) >= 2'000);
    CHECK(mean_polls(law, 15, 0.12, 200) < 200);
}

TEST_CASE("an attack is noticed as soon as the closed form says") {
    const WatchLaw law{.ordinary = 0.06, .withheld = 0.3, .polls_between_alarms = 3.15e7};
    for (const auto missed : {0.3, 0.5, 0.9}) {
        CAPTURE(missed);
        const auto expected = law.loops_to_notice(missed) / 2;
        CHECK(mean_polls(law, 2, missed, 400) == doctest::Approx(expected).epsilon(0.15));
    }
    CHECK(std::isinf(law.loops_to_notice(0.06)));
    CHECK(law.loops_to_notice(1) == doctest::Approx(std::log(3.15e7) / std::log(5)));
}

TEST_CASE("an alarm stays until the watch is restarted") {
    const WatchLaw law{.ordinary = 0.1, .withheld = 0.5, .polls_between_alarms = 10};
    LoopWatch watch{law};
    CHECK_FALSE(watch.poll(0, 1));
    CHECK(watch.poll(0, 1));
    CHECK(watch.poll(1000, 0));
    watch.restart();
    CHECK_FALSE(watch.alarmed());
    CHECK_FALSE(watch.poll(0, 1));
}

TEST_CASE("closed forms of what a withholding attacker wins") {
    CHECK(first_out(20, 0, 0) == doctest::Approx(1));
    CHECK(first_out(20, 0, 20) == doctest::Approx(0.5));
    // To first order in few others: with probability L / mu one is inside and halves the chance, or
    // with L / 2 mu one enters before ours leaves and does the same.
    CHECK(first_out(1, 1e-4, 0) == doctest::Approx(1 - 1e-4 / 2 - 1e-4 / 2).epsilon(1e-6));
    // In a large pool the probability is about one in its size.
    CHECK(first_out(1, 100, 0) == doctest::Approx(0.01).epsilon(0.03));
    CHECK(loopix_success(20, 40, 160, 0.5) == doctest::Approx(20.0 / 120));
    CHECK(loopix_success(20, 40, 160, 1) == doctest::Approx(0.5));
    CHECK(loopix_success(20, 10, 160, 1) == 1);
}

TEST_CASE("the tail of a sum of exponentials") {
    CHECK(erlang_tail(1, 0.01) == doctest::Approx(-std::log(0.01)));
    CHECK(erlang_tail(3, 0.01) == doctest::Approx(8.406));  // half of chi-square(6) at 0.99
}
