// The laboratory sees a mix queue that is broken, and sees that the product's is not.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/lab/attacks/held_times.hpp"
#include "tests/lab/attacks/mix_drive.hpp"
#include "tests/lab/attacks/mix_summary.hpp"
#include "tests/lab/experiments/experiments.hpp"
#include "tests/lab/measure/experiment.hpp"
#include "tests/lab/measure/posterior.hpp"
#include "tests/lab/measure/statistics.hpp"

using namespace nightjar;
using namespace nightjar::lab::attacks;
using namespace nightjar::lab::measure;

namespace {

struct Means {
    double entropy = 0, surprise = 0;
};
Means means(const RelayTrace& trace, std::size_t edge) {
    const auto targets = posterior(trace);
    const auto share = 1 / static_cast<double>(targets.size() - 2 * edge);
    Means made;
    for (auto i = edge; i + edge < targets.size(); ++i) {
        made.entropy += share * targets[i].entropy_bits;
        made.surprise += share * targets[i].surprise_bits;
    }
    return made;
}

/// What a mix holds back no longer than until the next whole `period`: then it is empty.
std::vector<base::Nanoseconds> emptied_each(base::Nanoseconds period, const Traffic& traffic) {
    auto delays = traffic.capped;
    for (std::size_t i = 0; i < delays.size(); ++i)
        delays[i] = std::min(delays[i], period - traffic.arrivals[i].time_since_epoch() % period);
    return delays;
}

MixDistances distances(const Traffic& traffic, const std::vector<base::Nanoseconds>& delays,
                       double load) {
    const auto per_second = load / 0.05;
    MixDistances made;
    made.judge(summary(drive(traffic, delays, 4).trace, per_second),
               summary(ideal(traffic), per_second), load);
    return made;
}

unsigned refusals(const MixDistances& distances) {
    auto report = Report::silent();
    distances.report(report);
    return report.failed();
}

}  // namespace

TEST_CASE("mixing: every verdict on a mix refuses one that is broken") {
    const auto small = poisson(4, 60, 10'000);   // 3 packets on average
    const auto large = poisson(4, 400, 40'000);  // 20
    const auto sound = distances(large, large.capped, 20);
    CHECK(refusals(sound) == 0);
    CHECK(refusals(distances(small, small.capped, 3)) == 0);

    auto half = large.capped;
    for (auto& delay : half)
        delay /= 2;
    CHECK(distances(large, half, 20).to_formula > 0.8);
    CHECK(refusals(distances(large, half, 20)) > 0);
    // Of a mix that runs empty now and then the mean says little; the worst-off packets say it.
    const auto rarely = distances(large, emptied_each(base::Seconds{20}, large), 20);
    CHECK(rarely.to_formula < 0.05);
    CHECK(rarely.least > 0.25);
    CHECK(refusals(rarely) == 1);
    const auto often = distances(large, emptied_each(base::Milliseconds{500}, large), 20);
    CHECK(often.p5 > 0.1);
    const auto alone = distances(small, emptied_each(base::Milliseconds{100}, small), 3);
    CHECK(alone.alone > 0.01);
    CHECK(refusals(alone) > 0);
}

TEST_CASE(
    "mixing: the queue leaves as much to guess as the ideal mix, and one that is broken less") {
    constexpr double per_second = 400;  // 20 packets on average
    const auto traffic = poisson(1, per_second, 10'000);
    const auto best = means(ideal(traffic), 400);
    const auto ours = means(drive(traffic, traffic.capped, 1).trace, 400);
    CHECK(std::abs(ours.entropy - best.entropy) < 0.05);
    CHECK(std::abs(ours.surprise - ours.entropy) < 0.1);

    const std::vector<base::Nanoseconds> none(traffic.arrivals.size());
    CHECK(means(drive(traffic, none, 1).trace, 400).entropy < 0.5);
    auto half = traffic.capped;
    for (auto& delay : half)
        delay /= 2;
    CHECK(means(drive(traffic, half, 1).trace, 400).entropy < best.entropy - 0.8);
}

TEST_CASE("mixing: a tick leaves in uniform order, and any other order shows") {
    const auto traffic = poisson(2, 5000, 30'000);
    const auto ours = drive(traffic, traffic.capped, 2);
    CHECK(std::abs(PlaceCounts::by_arrival(ours).deviate()) < 4.5);
    CHECK(std::abs(PlaceCounts::by_due(ours).deviate()) < 4.5);
    CHECK(std::abs(PlaceCounts::by_due(ours).bits()) < 0.02);
    const auto due = drive(traffic, traffic.capped, 2, by_due);
    CHECK(PlaceCounts::by_due(due).deviate() > 50);
    CHECK(PlaceCounts::by_due(due).bits() > 1.5);
    const auto arrival = drive(traffic, traffic.capped, 2, by_arrival);
    CHECK(PlaceCounts::by_arrival(arrival).deviate() > 50);
    // One packet that always leaves first is enough.
    const auto first =
        drive(traffic, traffic.capped, 2, [](std::span<relay::core::HeldPacket> released) {
            const auto oldest = std::min_element(
                released.begin(), released.end(),
                [](const auto& a, const auto& b) { return a.arrived < b.arrived; });
            if (oldest != released.end()) std::iter_swap(released.begin(), oldest);
        });
    CHECK(PlaceCounts::by_arrival(first).deviate() > 20);
}

TEST_CASE("mixing: a queue that keeps the order of arrival leaves most of a bit less to guess") {
    const auto traffic = poisson(3, 5000, 25'000);
    const auto ours = observe(drive(traffic, traffic.capped, 3).trace, 5000, 100);
    CHECK(ours.measured() == ours.any_order);
    CHECK(std::abs(ours.measured() - std::log2(std::exp(1.0) * 250)) < 0.1);
    const auto broken = observe(drive(traffic, traffic.capped, 3, by_arrival).trace, 5000, 100);
    CHECK(broken.measured() < ours.measured() - 0.6);
    CHECK(broken.measured() > ours.measured() - 1.0);
}

TEST_CASE("mixing: the delay absorbs the time for unwrapping") {
    HeldOptions options{.packets = 30'000};
    const auto none = held_times({.kernel = Kernel::none, .packets = 30'000});
    for (const auto kernel : {Kernel::avx2, Kernel::portable}) {
        options.kernel = kernel;
        const auto times = held_times(options);
        REQUIRE(times.lost == 0);
        CHECK(times.unwrap_mean_ms > 0.1);
        // The same packets, had it taken no time: a tenth of it reaches the outside at most.
        CHECK(std::abs(mean(times.held_ms) - times.asked_mean_ms -
                       (mean(none.held_ms) - none.asked_mean_ms)) < 0.1 * times.unwrap_mean_ms);
        CHECK(ks_distance(times.held_ms, law_cdf) < 0.008);
    }
    // Leaving in the next tick, not the nearest, shifts the distribution by a hundredth,
    const auto next = held_times({.packets = 30'000, .earlier = -base::Nanoseconds{500'000}});
    CHECK(ks_distance(next.held_ms, law_cdf) > 0.008);
    // and by a twenty-fifth if packets are held for two milliseconds too long.
    auto late = none.held_ms;
    for (auto& ms : late)
        ms += 2;
    CHECK(ks_distance(late, law_cdf) > 0.03);
}
