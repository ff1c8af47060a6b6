#include "tests/lab/attacks/exit_totals.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

namespace nightjar::lab::attacks {
namespace {

using What = ExitEvent::What;

/// One client's session: on trial from `opens` on, handed over at `main`, closed two lifetimes on.
SessionChanges session(unsigned exit, double opens, double main) {
    constexpr double lifetime = 60;
    return {0,
            exit,
            0,
            {{opens, 0, 4.5},
             {main, 4.5, 30},
             {main + lifetime, 30, 15},
             {main + 2 * lifetime, 15, 0}}};
}

std::string kinds_of(const std::vector<ExitEvent>& events) {
    std::string kinds;
    for (const auto& event : events)
        kinds += event.what == What::connects   ? "connects "
                 : event.what == What::handover ? "handover "
                 : event.what == What::after    ? "after "
                 : event.what == What::stays    ? "stays "
                                                : "leaves ";
    return kinds;
}

TEST_CASE("exit totals: a handover at which the client keeps its exit is no change of exits") {
    const SessionChanges first{0, 3, 0, {{3, 0, 45}, {60, 45, 15}, {120, 15, 0}}};
    Trace client;
    client.leaves = 1000;
    // Sessions come in any order.
    auto events = events_of({session(5, 172, 180), session(3, 52, 60), first, session(3, 112, 120),
                             session(5, 232, 240), session(5, 292, 300)},
                            client, 500, {});
    CHECK(kinds_of(events) == "connects stays stays handover after stays ");
    CHECK(events[3].exit == 5);
    CHECK(events[3].at == doctest::Approx(180));

    client.leaves = 130;  // changes that were announced for later do not come
    events = events_of({session(5, 172, 180), session(3, 52, 60), first, session(3, 112, 120)},
                       client, 500, {});
    CHECK(kinds_of(events) == "connects stays stays leaves ");
    CHECK(events.back().exit == 3);
}

double sum_of(const Bins& bins) {
    double sum = 0;
    for (const auto& exit : bins)
        sum = std::accumulate(exit.begin(), exit.end(), sum);
    return sum;
}

struct Sent {
    double all, without_cover;
};

Sent sent(std::uint32_t room) {
    CrowdOptions options;
    options.clients = 6;
    options.busy_share = 0;
    options.seconds = 30;
    options.network.gateways = 4;
    options.network.parameters.exit_room = room;
    TotalsWatcher watcher{options, true};
    Crowd crowd{options};
    crowd.run();
    const auto& without = watcher.without_cover();
    CHECK(sum_of(without.sent) > 0);
    std::size_t by_millisecond = 0;
    for (const auto& exit : without.sent_by_millisecond)
        by_millisecond = std::accumulate(exit.begin(), exit.end(), by_millisecond);
    CHECK(static_cast<double>(by_millisecond) == sum_of(without.sent));
    return {sum_of(watcher.totals(crowd).sent), sum_of(without.sent)};
}

TEST_CASE("exit totals: what exits send without their cover is the same with and without levels") {
    const auto plain = sent(0), covered = sent(1000);
    // Without levels they send their own loops, 15 a second.
    CHECK(plain.all - plain.without_cover == doctest::Approx(15 * 4 * 30).epsilon(0.1));
    CHECK(covered.all > 1.2 * plain.all);
    CHECK(covered.without_cover == doctest::Approx(plain.without_cover).epsilon(0.01));
}

}  // namespace
}  // namespace nightjar::lab::attacks
