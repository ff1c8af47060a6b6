// The law of mixing in a document: its lines, what an authority refuses, and the times that follow.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sphinx/directory/document.hpp"
#include "sphinx/directory/lint.hpp"
#include "tests/support/networks.hpp"

using namespace nightjar;
using namespace nightjar::directory;
using namespace std::chrono_literals;

namespace {

Mixing timed_pool(std::uint32_t keep = 1) {
    return {.law = MixLaw::timed_pool, .interval = 25ms, .keep = keep};
}
Mixing threshold() {
    return {.law = MixLaw::threshold, .packets = 20};
}

std::string text_with(const Mixing& mixing) {
    auto document = test::make_network(1).document;
    document.parameters.mixing = mixing;
    return to_text(document);
}

std::string problems(const Mixing& mixing) {
    auto document = test::make_network(1).document;
    document.parameters.mixing = mixing;
    std::string all;
    for (const auto& line : lint(document))
        all += line + "\n";
    return all;
}

/// For how long so many relays hold a packet in all, drawn `draws` times; ascending.
std::vector<base::Nanoseconds> held_by(int relays, const Parameters& law, int draws) {
    base::SeededRandom random{1};
    std::vector<base::Nanoseconds> sums;
    for (int i = 0; i < draws; ++i) {
        base::Nanoseconds sum{};
        for (int relay = 0; relay < relays; ++relay) {
            sum += base::from_seconds(random.unit() * base::to_seconds(law.mixing.interval));
            while (random.unit() >= law.pool_part())
                sum += law.mixing.interval;
        }
        sums.push_back(sum);
    }
    std::sort(sums.begin(), sums.end());
    return sums;
}

}  // namespace

TEST_CASE("mixing: a document has the lines of its own law, and none for poisson") {
    CHECK(text_with({}).find("mixing") == std::string::npos);
    CHECK(text_with(timed_pool())
              .find("parameter.mean-delay-ms 50\n"
                    "parameter.mixing 1\n"
                    "parameter.mixing-interval-ms 25\n"
                    "parameter.mixing-keep 1\n"
                    "parameter.relay-loops-per-1000s") != std::string::npos);
    CHECK(text_with(threshold())
              .find("parameter.mean-delay-ms 50\n"
                    "parameter.mixing 2\n"
                    "parameter.mixing-packets 20\n"
                    "parameter.relay-loops-per-1000s") != std::string::npos);
    for (const auto& mixing : {Mixing{}, timed_pool(), threshold()}) {
        const auto parsed = parse(text_with(mixing));
        REQUIRE(parsed);
        CHECK(parsed->parameters.mixing == mixing);
    }
}

TEST_CASE("mixing: another line than the law's own is refused") {
    const auto spoilt = [](std::string text, const std::string& line, const std::string& by) {
        const auto at = text.find(line);
        REQUIRE(at != std::string::npos);
        const auto parsed = parse(text.replace(at, line.size(), by));
        return parsed ? std::string{"none"} : parsed.error().reason;
    };
    const std::string law = "parameter.mixing 2\n", packets = "parameter.mixing-packets 20\n";
    const auto text = text_with(threshold());
    CHECK(spoilt(text, law, law) == "none");
    for (const auto* number : {"0", "3"})
        CHECK(spoilt(text, law, std::string{"parameter.mixing "} + number + "\n") ==
              "not between 1 and 2");
    CHECK(spoilt(text, law, "").find("'parameter.mixing-packets' where") == 0);
    CHECK(spoilt(text, law, law + law).find("'parameter.mixing' where") == 0);
    CHECK(spoilt(text, packets, "").find("where 'parameter.mixing-packets'") != std::string::npos);
    CHECK(spoilt(text, packets, "parameter.mixing-keep 1\n" + packets)
              .find("'parameter.mixing-keep' where") == 0);
    CHECK(spoilt(text, packets, "parameter.mixing-packets 1\n") == "not between 2 and 10000");
    CHECK(spoilt(text_with(timed_pool()), "parameter.mixing-interval-ms 25\n",
                 "parameter.mixing-interval-ms 0\n") == "not between 1 and 60000");
}

TEST_CASE(
    "mixing: an authority refuses an interval that is too long, and a pool that would starve") {
    CHECK(problems(timed_pool()) == "");
    CHECK(problems(threshold()) == "");
    CHECK(problems({.law = MixLaw::timed_pool, .interval = 50ms}) == "");
    CHECK(problems({.law = MixLaw::timed_pool, .interval = 51ms}) ==
          "mixing_interval is longer than mean_delay\n");
    // Loops alone keep 3 packets in each mix; 2.25 of them are there after a release.
    CHECK(problems(timed_pool(2)) == "");
    CHECK(
        problems(timed_pool(3)).find("loops alone leave fewer than mixing_keep packets in relay") ==
        0);
    CHECK(
        problems({.law = MixLaw::threshold, .packets = 1}).find("parameter.mixing-packets is 1") ==
        0);
}

TEST_CASE("mixing: the times of a network follow its law") {
    Parameters poisson, pool, batch;
    pool.mixing = timed_pool();
    batch.mixing = threshold();
    base::SeededRandom random{1};
    CHECK(poisson.draw_delay(random) > 0ns);
    CHECK(pool.draw_delay(random) == 0ns);
    CHECK(batch.draw_delay(random) == 0ns);
    // The share p of an interval T for which T / 2 + T (1 - p) / p is the mean delay.
    CHECK(pool.pool_part() == doctest::Approx(0.4));
    for (const auto& law : {poisson, pool}) {
        CHECK(law.delay_cap() == 500ms);
        CHECK(law.longest_route_delay() == 3500ms);
        CHECK(law.settle_after() == poisson.settle_after());
        CHECK(law.answer_after(law.replies) == poisson.answer_after(law.replies));
    }
    CHECK(batch.delay_cap() == 50ms);
    CHECK(batch.longest_route_delay() == 1250ms);
    CHECK(batch.mean_round_trip() == poisson.mean_round_trip());
    // 9 and 6 relays instead of 25 and 18 means; 5 instead of 18.
    CHECK(poisson.settle_after() - batch.settle_after() == 28 * 50ms);
    CHECK(poisson.answer_after({45'000}) - batch.answer_after({45'000}) == 13 * 50ms);
}

TEST_CASE("mixing: the rare sums of a timed pool's delays are within those of exponential ones") {
    for (const auto interval : {1ms, 25ms, 50ms}) {
        Parameters law;
        law.mixing = {.law = MixLaw::timed_pool, .interval = interval};
        for (const auto& [relays, means] : {std::pair{9, 25}, std::pair{4, 16}, std::pair{5, 18}}) {
            CAPTURE(relays);
            const auto sums = held_by(relays, law, 200'000);
            CHECK(sums[sums.size() - 20] <= means * law.mean_delay + 10ms);  // 1 in 10,000
            base::Nanoseconds all{};
            for (const auto sum : sums)
                all += sum / static_cast<int>(sums.size());
            CHECK(base::to_seconds(all) == doctest::Approx(0.05 * relays).epsilon(0.01));
        }
    }
}
