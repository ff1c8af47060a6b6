#include "tests/lab/sessions/flows.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>

namespace nightjar::lab::sessions {
namespace {

/// The events in [from, to), in ms.
Moments within(const Moments& moments, std::uint32_t from, std::uint32_t to) {
    Moments some;
    std::copy_if(moments.begin(), moments.end(), std::back_inserter(some),
                 [&](auto at) { return from <= at && at < to; });
    return some;
}

TEST_CASE("flows: an exit that has two sessions of one client knows the replies of each") {
    constexpr std::uint32_t from = 60'000, to = 80'000;
    attacks::CrowdOptions options;
    options.clients = 6;
    options.busy_share = 0;
    options.seconds = to / 1000.0 + 1;
    options.records_from = from / 1000.0 - 1;
    options.handover_after(base::Seconds{19}, base::Seconds{3600});
    FlowRecorder flows{options};
    attacks::Crowd crowd{options};
    crowd.run();
    const auto sessions = flows.sessions(from, to);
    CHECK(sessions.size() == 2 * options.clients);
    unsigned main = 0, lingering = 0;
    // All sessions of one pace tick together, and those of a client in turns.
    Moments of_main, of_lingering;
    for (const auto& session : sessions) {
        // Both are at one exit, so this test would show replies that go by client and exit.
        CHECK(std::count_if(sessions.begin(), sessions.end(), [&](const auto& other) {
                  return other.client == session.client && other.exit == session.exit;
              }) == 2);
        const auto replies = within(session.replies, from, to);
        const auto pace = 1000.0 * static_cast<double>(replies.size()) / (to - from);
        const bool is_main = pace > 22.5;
        ++(is_main ? main : lingering);
        CHECK(pace == doctest::Approx(is_main ? 30 : 15).epsilon(0.01));
        auto& same = is_main ? of_main : of_lingering;
        if (same.empty()) same = replies;
        CHECK(replies == same);
    }
    Moments both;
    std::set_intersection(of_main.begin(), of_main.end(), of_lingering.begin(), of_lingering.end(),
                          std::back_inserter(both));
    CHECK(both.empty());
    CHECK(main == options.clients);
    CHECK(lingering == options.clients);
}

}  // namespace
}  // namespace nightjar::lab::sessions
