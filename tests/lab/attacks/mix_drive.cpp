#include "tests/lab/attacks/mix_drive.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>

#include "sphinx/base/random.hpp"

namespace nightjar::lab::attacks {
namespace {

constexpr base::Mono start{std::chrono::hours{1}};
constexpr std::size_t capacity = 20'000;  // the product's default

/// A packet that carries its number in its cell.
relay::core::HeldPacket packet(std::uint32_t number, base::Mono arrived, base::Nanoseconds delay) {
    auto cell = std::make_unique<cell::Cell>();
    std::memcpy(cell->body().data(), &number, sizeof number);
    return {std::move(cell), relay::core::ToExit{}, 0, arrived, delay};
}
std::uint32_t number_of(const relay::core::HeldPacket& held) {
    std::uint32_t number = 0;
    std::memcpy(&number, held.cell->body().data(), sizeof number);
    return number;
}

void record(measure::RelayTrace& trace, base::Mono at,
            std::span<const relay::core::HeldPacket> released) {
    if (released.empty()) return;
    const auto tick = static_cast<std::uint32_t>(trace.ticks.size());
    trace.ticks.push_back({at, static_cast<std::uint32_t>(released.size())});
    for (std::uint32_t place = 0; place < released.size(); ++place)
        trace.truth[number_of(released[place])] = {tick, place};
}

}  // namespace

Traffic poisson(std::uint64_t seed, double per_second, std::size_t packets) {
    // Three random streams, so that drawing one delay anew changes no other packet.
    base::SeededRandom arrivals{seed}, delays{~seed}, anew{seed ^ 0x5555555555555555};
    Traffic traffic;
    auto at = start;
    const auto gap = base::from_seconds(1 / per_second);
    for (std::size_t i = 0; i < packets; ++i) {
        at += arrivals.exponential(gap);
        traffic.arrivals.push_back(at);
        const auto delay = delays.exponential(mean_delay);
        traffic.delays.push_back(delay);
        traffic.capped.push_back(
            delay <= delay_cap ? delay : anew.exponential_capped(mean_delay, delay_cap));
    }
    return traffic;
}

void by_arrival(std::span<relay::core::HeldPacket> released) {
    std::sort(released.begin(), released.end(),
              [](const auto& a, const auto& b) { return a.arrived < b.arrived; });
}
void by_due(std::span<relay::core::HeldPacket> released) {
    std::sort(released.begin(), released.end(),
              [](const auto& a, const auto& b) { return a.due() < b.due(); });
}

Driven drive(const Traffic& traffic, const std::vector<base::Nanoseconds>& delays,
             std::uint64_t seed, const Flush& broken) {
    base::SeededRandom random{seed ^ 0xaaaaaaaaaaaaaaaa};
    relay::core::MixQueue queue{capacity, random};
    Driven driven;
    driven.trace.mean = mean_delay;
    driven.trace.tick = tick_length;
    driven.trace.arrivals = traffic.arrivals;
    driven.trace.truth.resize(traffic.arrivals.size());
    std::vector<relay::core::HeldPacket> released;
    const auto run_until = [&](base::Mono end) {
        while (queue.size() > 0) {
            const base::Mono at{
                std::chrono::ceil<base::Milliseconds>(queue.next_due().time_since_epoch())};
            if (at >= end) return;
            released.clear();
            queue.release(at, released);
            if (broken) broken(released);
            record(driven.trace, at, released);
        }
    };
    for (std::uint32_t i = 0; i < traffic.arrivals.size(); ++i) {
        run_until(traffic.arrivals[i]);
        queue.push(packet(i, traffic.arrivals[i], delays[i]));
        driven.due.push_back(traffic.arrivals[i] + delays[i]);
    }
    run_until(base::Mono::max());
    return driven;
}

measure::RelayTrace ideal(const Traffic& traffic) {
    measure::RelayTrace trace;
    trace.mean = mean_delay;
    trace.arrivals = traffic.arrivals;
    trace.truth.resize(traffic.arrivals.size());
    std::vector<std::pair<base::Mono, std::uint32_t>> leaving;
    for (std::uint32_t i = 0; i < traffic.arrivals.size(); ++i)
        leaving.emplace_back(traffic.arrivals[i] + traffic.delays[i], i);
    std::sort(leaving.begin(), leaving.end());
    for (const auto& [at, number] : leaving) {
        if (trace.ticks.empty() || trace.ticks.back().at < at) trace.ticks.push_back({at, 0});
        trace.truth[number] = {static_cast<std::uint32_t>(trace.ticks.size() - 1),
                               trace.ticks.back().packets++};
    }
    return trace;
}

template <class Before>
PlaceCounts PlaceCounts::count(const Driven& driven, const Before& before) {
    std::vector<std::vector<std::uint32_t>> in_tick(driven.trace.ticks.size());
    for (std::uint32_t i = 0; i < driven.trace.truth.size(); ++i)
        in_tick[driven.trace.truth[i].tick].push_back(i);
    PlaceCounts made;
    for (auto& numbers : in_tick) {
        const auto size = numbers.size();
        std::sort(numbers.begin(), numbers.end(), before);
        if (made.by_size_.size() <= size) made.by_size_.resize(size + 1);
        auto& table = made.by_size_[size];
        table.cells.resize(size * size);
        ++table.ticks;
        for (std::size_t k = 0; k < size; ++k)
            ++table.cells[k * size + driven.trace.truth[numbers[k]].place];
    }
    return made;
}

PlaceCounts PlaceCounts::by_arrival(const Driven& driven) {
    return count(driven, std::less<>{});
}
PlaceCounts PlaceCounts::by_due(const Driven& driven) {
    return count(driven, [&driven](std::uint32_t a, std::uint32_t b) {
        return driven.due[a] < driven.due[b];
    });
}

double PlaceCounts::deviate() const {
    double statistic = 0, freedom = 0;
    for (std::size_t size = 0; size < by_size_.size(); ++size) {
        const auto& table = by_size_[size];
        if (!counts(size, table)) continue;
        const auto width = static_cast<double>(size);
        const auto expected = table.ticks / width;
        // Each tick is a permutation, not `size` independent draws: hence (size - 1) / size.
        for (const auto cell : table.cells)
            statistic += (cell - expected) * (cell - expected) / expected * (width - 1) / width;
        freedom += (width - 1) * (width - 1);
    }
    if (freedom == 0) return 0;
    const auto spread = 2 / (9 * freedom);
    return (std::cbrt(statistic / freedom) - (1 - spread)) / std::sqrt(spread);
}

double PlaceCounts::bits() const {
    double bits = 0, packets = 0;
    for (std::size_t size = 0; size < by_size_.size(); ++size) {
        const auto& table = by_size_[size];
        if (!counts(size, table)) continue;
        const auto width = static_cast<double>(size);
        for (const auto cell : table.cells)
            if (cell > 0) bits += cell * std::log2(cell * width / table.ticks);
        // The bias for a uniform order (Miller 1955), for permutations as above.
        bits -= width * (width - 1) / (2 * std::log(2.0));
        packets += table.ticks * width;
    }
    return packets > 0 ? bits / packets : 0;
}

}  // namespace nightjar::lab::attacks
