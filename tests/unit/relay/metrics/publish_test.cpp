#include "relay/metrics/publish.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "sphinx/base/random.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::metrics;
using core::DropReason;

namespace {

constexpr base::Wall ended{base::Seconds{1'800'000'000}};
constexpr base::Seconds hour{3600};

std::size_t index(DropReason reason) {
    return static_cast<std::size_t>(reason);
}

/// What a window with these counts publishes, with the noise of a seed.
Published of(const Totals& counts, std::uint64_t seed = 1, Terms terms = {hour, 500}) {
    base::SeededRandom random{seed};
    return publish({}, counts, ended, hour, terms, random);
}

/// All that a scrape shows of the window, for comparisons.
std::vector<std::uint64_t> all(const Published& window) {
    std::vector<std::uint64_t> values{
        window.packets_in,  window.packets_out,    window.dropped_other, window.capacity_percent,
        window.cpu_seconds, window.resident_bytes, window.open_files};
    for (const auto& reason : window.dropped)
        values.push_back(reason.value_or(1));
    return values;
}

Totals busy() {
    Totals counts;
    counts.packets_in = 1'800'000;
    counts.cpu = base::Seconds{600};
    counts.resident_bytes = 100 * mebibyte;
    counts.open_files = 70;
    return counts;
}

}  // namespace

TEST_CASE("published window: one packet more changes nothing, dropped or not") {
    const auto before = busy();
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        auto after = before;
        ++after.packets_in;
        CHECK(all(of(after, seed)) == all(of(before, seed)));
        for (std::size_t i = 0; i < core::drop_reason_count; ++i) {
            auto tagged = after;
            ++tagged.dropped[i];
            CHECK(all(of(tagged, seed)) == all(of(before, seed)));
        }
    }
}

TEST_CASE("published window: counts are rounded up past themselves before the noise") {
    // The same noise: the published values differ by whole quanta alone.
    const auto at = [](std::uint64_t packets) {
        auto counts = busy();
        counts.packets_in = packets;
        return of(counts).packets_in;
    };
    const auto base = at(1'800'192);  // 1758 quanta
    CHECK(at(1'801'215) == base);
    CHECK(at(1'801'216) == base + 1024);
    CHECK(at(1'800'191) == base - 1024);
}

TEST_CASE("published window: noise has the declared scale, and nothing is below zero") {
    double sum = 0;
    double sizes = 0;
    constexpr int draws = 20'000;
    base::SeededRandom random{5};
    const auto terms = Terms{hour, 500};
    for (int i = 0; i < draws; ++i) {
        const auto seen = publish({}, busy(), ended, hour, terms, random);
        const double noise = static_cast<double>(seen.packets_in) - 1'800'192;
        sum += noise;
        sizes += std::abs(noise);
        Totals idle;
        const auto nothing = publish({}, idle, ended, hour, terms, random);
        CHECK(nothing.packets_in < 1'000'000);  // a clamped negative would be near 2^64
    }
    const double b = 6144 / 0.3;
    CHECK(std::abs(sum / draws) < 4 * b * std::sqrt(2.0 / draws));
    CHECK(std::abs(sizes / draws - b) < 4 * b / std::sqrt(draws));
}

TEST_CASE("published window: what leaves is derived from what arrives and what is dropped") {
    auto counts = busy();
    counts.dropped[index(DropReason::overflow)] = 50'000;
    counts.dropped[index(DropReason::malformed)] = 300;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        const auto seen = of(counts, seed);
        auto dropped = seen.dropped_other;
        for (const auto& reason : seen.dropped)
            dropped += reason.value_or(0);
        CHECK(seen.packets_out == seen.packets_in - dropped);
    }
}

TEST_CASE("published window: a rare reason is folded into the others") {
    auto counts = busy();
    counts.dropped[index(DropReason::overflow)] = 50'000;
    counts.dropped[index(DropReason::malformed)] = 100;
    int folded = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const auto seen = of(counts, seed);
        REQUIRE(seen.dropped[index(DropReason::overflow)]);
        for (const auto& reason : seen.dropped)
            if (reason) CHECK(*reason >= 1024);
        if (!seen.dropped[index(DropReason::malformed)]) ++folded;
    }
    CHECK(folded > 100);  // the noise lifts 128 above 1024 in 17 of 100 windows
    CHECK(folded < 190);
}

TEST_CASE("published window: the others' count has one draw of its own") {
    // The draws that decide what is folded must not come into the sum: eight would be as noisy as
    // the drops of a busy relay.
    std::set<std::uint64_t> counts;
    std::uint64_t sum = 0;
    constexpr std::uint64_t windows = 400;
    for (std::uint64_t seed = 0; seed < windows; ++seed) {
        const auto seen = of(busy(), seed).dropped_other;
        counts.insert(seen);
        sum += seen;
    }
    CHECK(counts.size() > 100);
    // The positive half of one draw around 64 has a mean of some 460.
    CHECK(sum / windows > 350);
    CHECK(sum / windows < 600);
}

TEST_CASE("published window: figures of loops are coarse") {
    Totals counts;
    counts.loops_returned = 1791;
    counts.loops_failed = 9;
    for (int i = 0; i < 94; ++i)
        counts.round_trips.add(base::Milliseconds{241});
    for (int i = 0; i < 6; ++i)
        counts.round_trips.add(base::Seconds{3});
    const auto seen = of(counts);
    CHECK(seen.loop_success_percent == 99);
    CHECK(seen.round_trip_p50 == base::Milliseconds{280});
    CHECK(seen.round_trip_p95 == base::Milliseconds{3200});
    CHECK(!of({}).loop_success_percent);
    CHECK(!of({}).round_trip_p50);
    counts.round_trips.add(base::Seconds{1000});
    CHECK(counts.round_trips.counts.back() == 1);
}

TEST_CASE("published window: only the window's own counts") {
    Totals begin;
    begin.packets_in = 5'000'000;
    begin.loops_returned = 100;
    begin.loops_failed = 100;
    begin.directory_failures = 7;
    begin.round_trips.add(base::Seconds{1});
    begin.cpu = base::Seconds{100'000};
    auto end = begin;
    end.packets_in += 1'800'000;
    end.loops_returned += 50;
    end.directory_failures += 2;
    end.round_trips.add(base::Milliseconds{12});
    base::SeededRandom random{1};
    const auto seen = publish(begin, end, ended, hour, {hour, 500}, random);
    CHECK(seen.packets_in < 2'000'000);
    CHECK(seen.loop_success_percent == 100);
    CHECK(seen.directory_failures == 2);
    CHECK(seen.round_trip_p95 == base::Nanoseconds{12'500'000});
    CHECK(seen.cpu_seconds < 60);
    CHECK(seen.end == ended);
    CHECK(seen.length == hour);
}

TEST_CASE("published window: capacity in steps, of the noised packets") {
    const auto used = [](std::uint64_t packets_per_second) {
        return of(busy(), 1, {hour, packets_per_second}).capacity_percent;
    };
    CHECK(used(5000) == 0);
    CHECK(used(1500) == 25);
    CHECK(used(900) == 50);
    CHECK(used(600) == 75);
    CHECK(used(540) == 90);
    CHECK(used(400) == 100);
}

TEST_CASE("published window: facts of the process and of peers are coarse") {
    Totals counts;
    counts.resident_bytes = 33 * mebibyte;
    counts.open_files = 65;
    counts.next_relays = 3;
    counts.next_relays_up = 2;
    const auto seen = of(counts);
    CHECK(seen.resident_bytes == 48 * mebibyte);
    CHECK(seen.open_files == 128);
    CHECK(seen.peers_percent == 60);
    CHECK(!of({}).peers_percent);
}

TEST_CASE("published window: each result of handshakes has a draw of its own") {
    Totals begin;
    begin.handshakes.fill(1'000'000);
    auto end = begin;
    for (std::size_t i = 0; i < handshake_count; ++i)
        end.handshakes[i] += 1000 * (i + 1);
    std::array<std::set<std::uint64_t>, handshake_count> noises;
    std::array<double, handshake_count> sizes{};
    constexpr int windows = 2000;
    base::SeededRandom random{3};
    for (int n = 0; n < windows; ++n) {
        const auto seen = publish(begin, end, ended, hour, {hour, 500}, random).handshakes;
        for (std::size_t i = 0; i < handshake_count; ++i) {
            // 1000 is 125 quanta, so it is rounded up to 1008.
            const auto noise = static_cast<double>(seen[i]) - 1000.0 * static_cast<double>(i + 1);
            noises[i].insert(seen[i] - end.handshakes[i] + begin.handshakes[i]);
            sizes[i] += std::abs(noise - 8);
        }
    }
    const double b = 8 / 0.3;
    for (std::size_t i = 0; i < handshake_count; ++i) {
        CHECK(noises[i].size() > 50);
        CHECK(std::abs(sizes[i] / windows - b) < 5 * b / std::sqrt(windows));
    }
    const auto one = of(end, 9).handshakes;
    auto more = end;
    ++more.handshakes[0];
    CHECK(of(more, 9).handshakes == one);
}

TEST_CASE("published window: a lab's short window shrinks quantum and noise with itself") {
    constexpr auto& packets = declared("nightjar_window_packets");
    CHECK(grain(packets, hour).quantum == 1024);
    CHECK(grain(packets, base::Seconds{86'400}).sensitivity == 6144);
    CHECK(grain(packets, window_least).sensitivity == 6144);
    CHECK(grain(packets, base::Seconds{36}).quantum == 10);
    CHECK(grain(packets, base::Seconds{36}).sensitivity == 61);
    CHECK(grain(packets, base::Seconds{1}).quantum == 1);
}
