#include "tests/lab/attacks/header_scores.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

namespace nightjar::lab::attacks {
namespace {

double mean_delay_of(const Route& route) {
    return route.hops * (route.mean_delay + link_and_tick);
}

/// Log densities of a route's delay at every millisecond.
std::vector<float> log_densities(const Route& route) {
    std::vector<float> table(static_cast<std::size_t>(route.longest() * 1000));
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto at = static_cast<double>(i) / 1000;
        const auto share = route.share(at + 0.0005) - route.share(at - 0.0005);
        table[i] = static_cast<float>(std::log(std::max(1000 * share, 1e-6)));
    }
    return table;
}

double log_sum(std::span<const double> logs) {
    const auto largest = *std::max_element(logs.begin(), logs.end());
    double sum = 0;
    for (const auto log : logs)
        sum += std::exp(log - largest);
    return largest + std::log(sum);
}

/// The likelihood of one session's arrivals, for one place of the first packet among the slots.
struct Windows {
    const std::vector<int>& slots;
    const std::vector<int>& arrivals;
    const std::vector<float>& density;
    std::size_t packets;  // of a window; it has one slot more

    double log_density(std::size_t packet, std::size_t slot) const {
        constexpr double never = -14;  // log of the table's floor
        const auto delay = arrivals[packet] - slots[slot];
        if (delay < 0 || static_cast<std::size_t>(delay) >= density.size()) return never;
        return density[static_cast<std::size_t>(delay)];
    }

    /// One window: its loop is before packet `p` of it, for every p alike.
    double one(std::size_t packet, std::size_t slot) const {
        constexpr std::size_t most = 64;
        assert(packets < most);
        std::array<double, most> logs{};
        for (std::size_t i = packets; i-- > 0;)
            logs[i] = logs[i + 1] + log_density(packet + i, slot + i + 1);
        double before = 0;
        for (std::size_t i = 0; i < packets; ++i) {
            before += log_density(packet + i, slot + i);
            logs[i + 1] += before;
        }
        return log_sum(std::span{logs}.first(packets + 1)) -
               std::log(static_cast<double>(packets + 1));
    }

    double all(std::size_t packet, std::size_t slot, std::size_t end) const {
        double sum = 0;
        for (; packet + packets <= end; packet += packets, slot += packets + 1)
            sum += one(packet, slot);
        return sum;
    }
};

/// The first packet that is used, the slot that it would have, and how likely that is.
struct Start {
    std::size_t packet, slot;
    double log;
};

/// The likelihood if the packets of each block are at any of the block's slots. `slot`: of the
/// first packet.
double in_blocks(const Windows& windows, Reads reads, std::size_t slot,
                 stream::PacketNumber block) {
    const auto block_of = [&](std::size_t packet) { return (reads[packet].number - 1) / block; };
    const auto slots_a_packet = 1 + 1 / static_cast<double>(windows.packets);
    double sum = 0;
    for (std::size_t begin = 0, end = 0; begin < reads.size(); begin = end) {
        while (end < reads.size() && block_of(end) == block_of(begin))
            ++end;
        const auto slot_of = [&](std::size_t packet) {
            return slot + static_cast<std::size_t>(
                              std::lround(static_cast<double>(packet) * slots_a_packet));
        };
        for (auto packet = begin; packet < end; ++packet) {
            double density = 0;
            for (auto at = slot_of(begin); at < slot_of(end); ++at)
                density += std::exp(windows.log_density(packet, at));
            sum += std::log(density / static_cast<double>(slot_of(end) - slot_of(begin)));
        }
    }
    return sum;
}

/// Slots' times from the packets' order and arrivals, by the known rate: the i-th is at the result
/// plus i gaps.
double first_slot(Reads reads, double per_second, const Route& route) {
    double sum = 0;
    for (std::size_t i = 0; i < reads.size(); ++i)
        sum += reads[i].at - static_cast<double>(i) / per_second;
    return sum / static_cast<double>(reads.size()) - mean_delay_of(route);
}

double correlation(std::span<const double> a, std::span<const double> b) {
    const auto n = static_cast<double>(a.size());
    const auto mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n;
    const auto mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace

SlotTimes::SlotTimes(const Times& up) {
    if (up.empty()) return;
    ms_.reserve(up.size());
    for (const auto at : up)
        ms_.push_back(static_cast<int>(std::lround(at * 1000)));
    off_.assign(2 * static_cast<std::size_t>(ms_.back()) + 8, capped);
    for (const auto slot : ms_)
        for (int half = -3; half <= 3; ++half) {
            const auto at = 2 * slot + half;
            if (at < 0) continue;
            auto& off = off_[static_cast<std::size_t>(at)];
            off = std::min(off, static_cast<float>(half * half) / 4);
        }
}

float SlotTimes::off(double at) const {
    const auto half = std::lround(at * 2000);
    return half < 0 || static_cast<std::size_t>(half) >= off_.size()
               ? capped
               : off_[static_cast<std::size_t>(half)];
}

std::optional<double> stamp_score(const SlotTimes& slots, Reads reads, const Route& route) {
    double centre = 0;
    for (const auto& read : reads) {
        if (!read.stamp || read.sequence != reads.front().sequence) return std::nullopt;
        centre += (read.at - *read.stamp) / static_cast<double>(reads.size());
    }
    centre -= mean_delay_of(route);
    const auto deviation =
        route.mean_delay * std::sqrt(route.hops / static_cast<double>(reads.size()));
    double best = -std::numeric_limits<double>::max();
    for (double shift = -4 * deviation; shift <= 4 * deviation; shift += 0.0005) {
        double sum = 0;
        for (const auto& read : reads)
            sum -= slots.off(centre + shift + *read.stamp);
        best = std::max(best, sum);
    }
    return best;
}

std::optional<double> number_score(const SlotTimes& slots, Reads reads, const Route& route,
                                   unsigned slots_per_loop, stream::PacketNumber block) {
    const auto& ms = slots.ms();
    const auto density = log_densities(route);
    std::vector<int> arrivals;
    for (const auto& read : reads)
        arrivals.push_back(static_cast<int>(std::lround(read.at * 1000)));
    const Windows windows{ms, arrivals, density, slots_per_loop - 1};
    if (ms.size() < 2 || reads.size() < 20 * windows.packets) return std::nullopt;
    const auto packets = static_cast<double>(windows.packets);
    const auto per_second = 1000 * static_cast<double>(ms.size() - 1) /
                            static_cast<double>(ms.back() - ms.front()) * packets / slots_per_loop;
    const auto first = first_slot(reads, per_second, route) * 1000;
    const auto place = std::lower_bound(ms.begin(), ms.end(), first) - ms.begin();
    const auto needed = (reads.size() / windows.packets + 2) * slots_per_loop;
    constexpr std::ptrdiff_t around = 8;
    if (place < around || static_cast<std::size_t>(place + around) + needed > ms.size())
        return std::nullopt;
    const auto likelihood = [&](const Start& start, std::size_t end) {
        return block == 1 ? windows.all(start.packet, start.slot, end)
                          : in_blocks(windows, reads.first(end), start.slot, block);
    };
    std::vector<Start> starts;
    const auto trial = std::min<std::size_t>(reads.size(), 640);
    for (std::size_t packet = 0; packet < (block == 1 ? windows.packets : 1); ++packet)
        for (auto shift = -around; shift <= around; ++shift) {
            const auto slot = static_cast<std::size_t>(place + shift) + packet;
            starts.push_back({packet, slot, 0});
            starts.back().log = likelihood(starts.back(), trial);
        }
    // Starts that the first packets all but exclude need no further work.
    const auto best = std::max_element(starts.begin(), starts.end(), [](auto& a, auto& b) {
                          return a.log < b.log;
                      })->log;
    std::vector<double> logs;
    for (const auto& start : starts)
        if (start.log > best - 25) logs.push_back(likelihood(start, reads.size()));
    return log_sum(logs);
}

std::optional<double> reply_score(const Times& delivered, Reads reads, const Route& route,
                                  double slots_per_second, const ReplySignal& signal,
                                  const Lags& lags) {
    if (reads.empty() || delivered.empty()) return std::nullopt;
    std::vector<double> told;
    for (const auto& read : reads)
        told.push_back(signal(read));
    // Deliveries so far, at every millisecond.
    std::vector<double> so_far(static_cast<std::size_t>(delivered.back() * 1000) + 2);
    for (const auto at : delivered)
        ++so_far[static_cast<std::size_t>(std::lround(at * 1000))];
    std::partial_sum(so_far.begin(), so_far.end(), so_far.begin());
    const auto until = [&](double at) {
        const auto ms = std::lround(std::clamp(at * 1000, 0.0, so_far.size() - 1.0));
        return so_far[static_cast<std::size_t>(ms)];
    };
    const auto first = first_slot(reads, slots_per_second, route);
    const auto gap = 1 / slots_per_second;
    std::vector<double> seen(told.size());
    double best = -1;
    for (double lag = lags.from; lag <= lags.to; lag += lags.step) {
        for (std::size_t i = 0; i < seen.size(); ++i) {
            const auto at = first + static_cast<double>(i) * gap - lag;
            seen[i] = until(at) - until(at - gap);
        }
        best = std::max(best, correlation(told, seen));
    }
    return best;
}

}  // namespace nightjar::lab::attacks
