#include "tests/lab/sessions/spectral_score.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/lab/measure/spectral_bound.hpp"
#include "tests/lab/measure/statistics.hpp"
#include "tests/lab/sessions/planted_flows.hpp"
#include "tests/lab/sessions/scores.hpp"

namespace nightjar::lab::sessions {
namespace {

constexpr double begin = planted_begin_ms, seconds = (begin + segment_ms) / 1000 + 2;

TEST_CASE("a spectrum is the sum of its events' oscillations, from the segment's begin on") {
    const Moments one{21'001, 64'002, 90'003}, other{77'000};
    const auto [a, b] = spectra(one, 1000, other, 0);
    CHECK(a.events == doctest::Approx(3));
    CHECK(b.events == doctest::Approx(1));
    for (const std::size_t i : {130, 655, 1310}) {
        const auto turn = 2 * 3.14159265358979 * static_cast<double>(i + 1) / segment_ms;
        std::complex<double> expected;
        for (const auto event : one)
            expected += std::polar(1.0, -turn * (event - 1000.0));
        CHECK(std::abs(std::complex<double>{a.at[i]} - expected) < 0.03);
        CHECK(std::abs(b.at[i]) == doctest::Approx(1).epsilon(0.01));
    }
}

/// Ticks in whole gaps: a leak of middle size, known from decision 0015.
TEST_CASE("the score finds what the estimate of the best linear score says can be found") {
    constexpr double pace = 45, jitter = 1;
    constexpr unsigned clients = 60;
    const directory::Parameters law;
    base::SeededRandom random{5};
    const FlowLikelihood model{{3, base::to_seconds(law.mean_delay)}, 1};
    std::vector<FlowLikelihood::Cause> causes;
    std::vector<Spectrum> seen;
    for (unsigned i = 0; i < clients; ++i) {
        const auto ticks = beat(pace, jitter, seconds, random);
        auto [cause, arrivals] =
            spectra(ticks, 0, displaced(ticks, 3, law.mean_delay, random), model.shift_ms());
        causes.push_back(model.prepare(cause));
        seen.push_back(std::move(arrivals));
    }
    std::vector<double> own, foreign;
    double expected = 0;
    for (unsigned i = 0; i < clients; ++i) {
        expected += measure::auc_of(model.deflection(causes[i], seen[i]), 1) / clients;
        for (unsigned j = 0; j < clients; ++j)
            (i == j ? own : foreign).push_back(model.ratio(causes[j], seen[i]));
    }
    const measure::Beat ticks{.rate = pace,
                              .gap = 1 / pace,
                              .jitter = jitter,
                              .hops = 3,
                              .mean_delay = base::to_seconds(law.mean_delay)};
    const auto bound = measure::auc_of(measure::unordered_deflection(ticks), segment_ms / 1000.0);
    const auto auc = measure::auc(foreign, own);
    MESSAGE("measured " << auc << ", expected " << expected << ", estimate " << bound);
    CHECK(bound > 0.7);
    CHECK(expected == doctest::Approx(bound).epsilon(0.05));
    CHECK(auc > bound - 0.08);  // 2 deviations
}

TEST_CASE("two exits see that each slot's session is drawn for itself") {
    const directory::Parameters law;
    base::SeededRandom random{6};
    const auto flows = plant(Leak::slots_drawn_alone, 12, 1, law, random);
    const auto scores = score_sessions(flows.clients, flows.sessions, planted_begin_ms, 1, law);
    const auto& found = scores.at({two_exits, "main", 1});
    CHECK(found.own.size() == 12);
    CHECK(measure::auc(found.foreign, found.own) > 0.99);
}

TEST_CASE("two exits that know no law learn that slots are drawn alone, or given in turns") {
    const directory::Parameters law;
    for (const auto& [leak, adversary, least] :
         {std::tuple{Leak::slots_drawn_alone, two_exits_fitted, 0.9},
          {Leak::slots_in_turns, two_exits_counts, 0.7}}) {
        base::SeededRandom random{8};
        const auto flows = plant(leak, 24, 1, law, random);
        const auto scores = score_sessions(flows.clients, flows.sessions, planted_begin_ms, 1, law);
        const auto& found = scores.at({adversary, "main", 1});
        INFO(adversary);
        CHECK(measure::auc(found.foreign, found.own) > least);
    }
}

TEST_CASE("two exits find nothing in sessions that share no slots") {
    const directory::Parameters law;
    base::SeededRandom random{7};
    auto flows = plant(Leak::slots_drawn_alone, 24, 1, law, random);
    // Every second session is exchanged for the next client's.
    for (std::size_t i = 1; i + 2 < flows.sessions.size(); i += 2)
        std::swap(flows.sessions[i].arrivals, flows.sessions[i + 2].arrivals);
    const auto scores = score_sessions(flows.clients, flows.sessions, planted_begin_ms, 1, law);
    for (const auto* adversary : {two_exits, two_exits_fitted, two_exits_counts}) {
        const auto& found = scores.at({adversary, "main", 1});
        CHECK(measure::auc(found.foreign, found.own) < 0.75);
    }
}

}  // namespace
}  // namespace nightjar::lab::sessions
