#include "sphinx/base/loss_watch.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using base::LossLaw;
using base::LossWatch;

namespace {

/// The number of polls until the alarm, for a relay with `rate` loops per poll.
unsigned polls_to_alarm(const LossLaw& law, double rate, double missed, base::Random& random) {
    constexpr unsigned polls_max = 20'000;
    LossWatch watch{law};
    for (unsigned polls = 1; polls < polls_max; ++polls) {
        std::uint64_t counts[2] = {};
        for (auto left = -std::log1p(-random.unit()) / rate; left < 1;
             left += -std::log1p(-random.unit()) / rate)
            ++counts[random.unit() < missed ? 1 : 0];
        if (watch.poll(counts[0], counts[1])) return polls;
    }
    return polls_max;
}

double mean_polls(const LossLaw& law, double rate, double missed, unsigned runs) {
    base::SeededRandom random{5};
    double sum = 0;
    for (unsigned i = 0; i < runs; ++i)
        sum += polls_to_alarm(law, rate, missed, random) / static_cast<double>(runs);
    return sum;
}

}  // namespace

TEST_CASE("false alarms are as rare as stated, and a worse network than stated has more") {
    const LossLaw law{.ordinary = 0.06, .withheld = 0.3, .polls_between_alarms = 200};
    CHECK(mean_polls(law, 15, 0.06, 200) >= 200);
    CHECK(mean_polls(law, 15, 0.03, 10) >= 2'000);
    CHECK(mean_polls(law, 15, 0.12, 200) < 200);
}

TEST_CASE("an attack is noticed as soon as the closed form says") {
    const LossLaw law{.ordinary = 0.06, .withheld = 0.3, .polls_between_alarms = 3.15e7};
    for (const auto missed : {0.3, 0.5, 0.9}) {
        CAPTURE(missed);
        const auto expected = law.loops_to_notice(missed) / 2;
        CHECK(mean_polls(law, 2, missed, 400) == doctest::Approx(expected).epsilon(0.15));
    }
    CHECK(std::isinf(law.loops_to_notice(0.06)));
    CHECK(law.loops_to_notice(1) == doctest::Approx(std::log(3.15e7) / std::log(5)));
}

TEST_CASE("an alarm ends when the loops return again, however long it has lasted") {
    const LossLaw law{.ordinary = 0.1, .withheld = 0.5, .polls_between_alarms = 10};
    LossWatch watch{law};
    CHECK_FALSE(watch.poll(0, 1));
    CHECK(watch.poll(0, 1));
    CHECK(watch.poll(0, 1'000'000));
    // log 10 beside log(0.9 / 0.5) a loop: 3.9 loops.
    CHECK(watch.poll(3, 0));
    CHECK_FALSE(watch.poll(1, 0));
    CHECK_FALSE(watch.poll(0, 1));
}

TEST_CASE("a restart clears the alarm and the sum") {
    const LossLaw law{.ordinary = 0.1, .withheld = 0.5, .polls_between_alarms = 10};
    LossWatch watch{law};
    watch.poll(0, 2);
    CHECK(watch.alarmed());
    watch.restart();
    CHECK_FALSE(watch.alarmed());
    CHECK_FALSE(watch.poll(0, 1));
}
