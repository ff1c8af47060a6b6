#include "tests/lab/experiments/capture.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>
#include <stdexcept>

using namespace nightjar;
using namespace nightjar::lab::attacks;
using namespace nightjar::lab::experiments;
using namespace nightjar::lab::measure;
using doctest::Approx;

namespace {

const std::string head =
    R"({"observer":"tshark","mixes":2,"gateways":2,"mean_delay_ms":50,"main_slots":50,"client_loops":5,)"
    R"("replies":45,"down":60,"relay_loops":15,"exit_room_per_1000":0})"
    "\n";

std::string slice_line(unsigned window, bool busy, const std::string& links = "[3,0]") {
    return R"({"window":)" + std::to_string(window) + R"(,"busy":)" + (busy ? "true" : "false") +
           R"(,"up":[0.1,0.3,0.35],"down":[],"links":)" + links + "}\n";
}

const std::string windows =
    slice_line(0, false) + slice_line(1, true) + slice_line(2, true) + slice_line(3, false);

Capture read(const std::string& text) {
    std::istringstream lines{text};
    return read_capture(lines, "file");
}

/// What reading it says, "" if it can be read.
std::string refused(const std::string& text) {
    try {
        read(text);
    } catch (const std::runtime_error& failure) {
        return failure.what();
    }
    return "";
}

}  // namespace

TEST_CASE("capture: a slice's features are counts, gaps, and the links' counts") {
    const Slice slice{.up = {0.1f, 0.3f, 0.35f, 0.8f}, .down = {0.5f}, .links = {7, 9}};
    const auto row = slice_features(slice);
    REQUIRE(row.size() == 9 + 9 + 2);
    CHECK(Row(row.begin(), row.begin() + 4) == Row{1, 2, 0, 1});
    CHECK(row[4] == Approx(0.7 / 3));  // mean gap
    CHECK(row[6] == Approx(0.05));     // shortest
    CHECK(row[7] == Approx(0.45));     // longest
    CHECK(Row(row.begin() + 9, row.begin() + 13) == Row{0, 0, 1, 0});
    CHECK(Row(row.begin() + 13, row.begin() + 18) == Row(5, 0));  // of one cell there is no gap
    CHECK(Row(row.begin() + 18, row.end()) == Row{7, 9});
}

TEST_CASE("capture: thinning takes one cell in so many, and only from the busy") {
    const auto thinned = thinned_when_busy(
        {Slice{.busy = true, .up = {0.1f, 0.2f, 0.3f}, .down = {0.4f, 0.5f}, .links = {4}},
         Slice{.busy = false, .up = {0.1f, 0.2f}, .down = {0.3f}},
         Slice{.busy = true, .up = {0.6f, 0.7f, 0.8f}, .down = {0.9f}}},
        3);
    CHECK(thinned[0].up == Times{0.1f, 0.2f});
    CHECK(thinned[0].down == Times{0.4f, 0.5f});
    CHECK(thinned[0].links == std::vector<double>{4});
    CHECK(thinned[1].up == Times{0.1f, 0.2f});
    CHECK(thinned[1].down == Times{0.3f});
    CHECK(thinned[2].up == Times{0.6f, 0.7f});  // the sixth of all
    CHECK(thinned[2].down == Times{});
}

TEST_CASE("capture: two AUCs agree within 2.58 deviations of their difference") {
    const auto apart = [](double a, double sa, double b, double sb) {
        return deviations_apart({.point = a, .deviation = sa}, {.point = b, .deviation = sb});
    };
    CHECK(apart(0.6, 0.03, 0.5, 0.04) == Approx(2));
    CHECK(apart(0.5, 0.04, 0.6, 0.03) == Approx(2));
    CHECK(apart(0.628, 0.03, 0.5, 0.04) < agreement_deviations);
    CHECK(apart(0.630, 0.03, 0.5, 0.04) > agreement_deviations);
    CHECK(apart(1, 0, 1, 0) == 0);
    CHECK(std::isinf(apart(1, 0, 0.5, 0)));
}

TEST_CASE("capture: a dozen windows without a difference agree with a coin, and a leak does not") {
    base::SeededRandom random{5};
    const auto windows_of = [&](double leak) {
        std::vector<Slice> slices;
        for (std::uint64_t i = 0; i < 12 * 7; ++i) {
            const auto window = i / 7;
            Slice slice{.window = window, .busy = window / 2 % 2 == 1};
            for (int k = 0; k < 55; ++k)
                slice.up.push_back(static_cast<float>((k + random.unit()) / 55));
            for (int link = 0; link < 16; ++link)
                slice.links.push_back(20 * random.unit() + (slice.busy ? leak : 0));
            slices.push_back(std::move(slice));
        }
        return slices;
    };
    const Bound coin{.point = 0.5, .deviation = 0.02};
    int disagree = 0, unlikely = 0;
    for (int i = 0; i < 40; ++i) {
        const auto shown = judge(windows_of(0), random);
        disagree += deviations_apart(shown.auc, coin) > agreement_deviations;
        unlikely += shown.chance < chance_least;
    }
    CHECK(disagree <= 3);
    CHECK(unlikely <= 3);
    const auto leak = judge(windows_of(5), random);
    CHECK(deviations_apart(leak.auc, coin) > agreement_deviations);
    CHECK(leak.chance < chance_least);
}

TEST_CASE(
    "capture: a simulated client shows nothing, and one that leaves out 5 % of its cells does") {
    const auto observed = read(head + windows).observed;
    constexpr unsigned seconds = 7, count = 48;
    const auto limits = count_limits(observed.parameters, seconds);
    CHECK(limits.up == Approx(3.85));
    CHECK(limits.down == Approx(4.2));
    const auto honest = simulate_slices(observed, 1, count, seconds);
    base::SeededRandom random{7};
    const auto shown = judge(honest, random);
    CHECK(std::abs(shown.up) < 1);
    CHECK(std::abs(shown.down) < 1);
    CHECK(nothing_shown(shown, limits));
    const Bound simulated{.point = 0.5, .deviation = 0.05};  // of the run's 400 windows
    CHECK(deviations_apart(shown.auc, simulated) <= agreement_deviations);
    for (const unsigned one_in : {20u, 10u, 5u}) {
        CAPTURE(one_in);
        const auto thinned = judge(thinned_when_busy(honest, one_in), random);
        CHECK(thinned.up == Approx(-385.0 / one_in).epsilon(0.05));
        CHECK(thinned.down == Approx(-420.0 / one_in).epsilon(0.05));
        CHECK(thinned.chance < chance_least);
        CHECK(deviations_apart(thinned.auc, simulated) > agreement_deviations);
        CHECK_FALSE(nothing_shown(thinned, limits));
    }
}

TEST_CASE("capture: each of what is shown is refused alone") {
    const CountLimits limits{3.85, 4.2};
    CHECK(nothing_shown({.up = -3.8, .down = 4.1, .chance = 0.01}, limits));
    CHECK_FALSE(nothing_shown({.up = -3.9}, limits));
    CHECK_FALSE(nothing_shown({.down = 4.3}, limits));
    CHECK_FALSE(nothing_shown({.chance = 0.009}, limits));
}

TEST_CASE("capture: a file is read as it was written") {
    const auto capture = read(head + windows);
    CHECK(capture.observed.every_link);
    CHECK(capture.observed.mixes == 2);
    CHECK(capture.observed.parameters.replies.milli == 45'000);
    CHECK(capture.windows == 4);
    REQUIRE(capture.slices.size() == 4);
    CHECK(capture.slices[2].window == 2);
    CHECK(capture.slices[2].busy);
    CHECK(capture.slices[0].up == Times{0.1f, 0.3f, 0.35f});
    CHECK(capture.slices[0].links == std::vector<double>{3, 0});
}

TEST_CASE("capture: what is malformed is refused by one line that names the place") {
    CHECK(refused(head + windows).empty());
    CHECK(refused("") == "'file', line 1: the file is empty");
    CHECK(refused(head + "{\"window\":") == "'file', line 2: not an object of JSON");
    CHECK(refused(head + "[1]\n") == "'file', line 2: not an object of JSON");
    CHECK(refused(std::string(2 << 20, '[')) == "'file', line 1: longer than a megabyte");
    CHECK(refused("{}\n") == "'file', line 1: 'observer' is missing");
    CHECK(refused(head + slice_line(0, true, "[1,-1]")).find("'links'") != std::string::npos);
    CHECK(refused(head + slice_line(0, true, "\"much\"")).find("'links'") != std::string::npos);
    CHECK(refused(head + windows + slice_line(4, true, "[1]")).find("line 6: not as many links") !=
          std::string::npos);
    CHECK(refused(head + windows + slice_line(3, true)).find("both idle and busy") !=
          std::string::npos);
    CHECK(refused(head + slice_line(0, false) + slice_line(1, true)).find("are needed") !=
          std::string::npos);
    auto late = windows;
    late.replace(late.find("0.35"), 4, "1.00");
    CHECK(refused(head + late).find("line 2: 'up'") != std::string::npos);
    CHECK_THROWS_AS(read_capture("/nowhere/at/all"), std::runtime_error);
}

TEST_CASE("capture: a simulated network shows the law's rates on every link") {
    auto observed = read(head + windows).observed;
    const auto slices = simulate_slices(observed, 1, 4, 5);
    REQUIRE(slices.size() == 20);
    double up = 0, down = 0, links = 0;
    for (const auto& slice : slices) {
        CHECK(slice.busy == (slice.window >= 2));
        up += static_cast<double>(slice.up.size()) / 20;
        down += static_cast<double>(slice.down.size()) / 20;
        REQUIRE(slice.links.size() == 16);
        for (const auto count : slice.links) {
            CHECK(count > 0);
            links += count / 20;
        }
    }
    CHECK(up == Approx(55).epsilon(0.02));
    CHECK(down == Approx(60).epsilon(0.02));
    // Each of the client's packets, loops and replies, and of 8 relays' loops, passes four links.
    CHECK(links == Approx(4 * (50 + 45 + 5 + 8 * 15)).epsilon(0.05));
    observed.every_link = false;
    CHECK(simulate_slices(observed, 1, 1, 1).front().links.size() == 4);
}

TEST_CASE("capture: exits of a simulated network have the room that the capture names") {
    auto text = head + windows;
    text.replace(text.find("per_1000\":0"), 11, "per_1000\":1000");
    const auto observed = read(text).observed;
    CHECK(observed.parameters.exit_room == 1000);
    double links = 0;
    for (const auto& slice : simulate_slices(observed, 1, 4, 5))
        for (const auto count : slice.links)
            links += count / 20;
    // Beside the law's packets, each of two exits has room for half a client at the least.
    CHECK(links > 4 * (50 + 45 + 5 + 8 * 15 + 20));
}
