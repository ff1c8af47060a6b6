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

/// The density of a packet's delay, by the slots of a link.
struct Delays {
    const std::vector<int>& slots;
    const std::vector<int>& arrivals;
    const std::vector<float>& density;

    double log_density(std::size_t packet, std::size_t slot) const {
        constexpr double never = -14;  // log of the table's floor
        const auto delay = arrivals[packet] - slots[slot];
        if (delay < 0 || static_cast<std::size_t>(delay) >= density.size()) return never;
        return density[static_cast<std::size_t>(delay)];
    }
};

/// The likelihood of packets in order. From one packet to the next there are one to three slots;
/// the others are loops, or go to no session. Packet i is within `around` of the slot
/// first + i * slots_a_packet.
double in_order(const Delays& delays, std::size_t first, double slots_a_packet,
                std::size_t around) {
    constexpr std::array steps{0.84, 0.15, 0.01};
    const auto slot_of = [&](std::size_t packet, std::size_t place) {
        return first - around + place +
               static_cast<std::size_t>(std::lround(static_cast<double>(packet) * slots_a_packet));
    };
    std::vector<double> now(2 * around + 1, 1 / static_cast<double>(2 * around + 1)), next;
    double log = 0;
    for (std::size_t packet = 0; packet < delays.arrivals.size(); ++packet) {
        next.assign(now.size(), packet == 0 ? 1e-12 : 0);
        const auto moved = packet == 0 ? 0 : slot_of(packet, 0) - slot_of(packet - 1, 0);
        for (std::size_t place = 0; place < now.size(); ++place) {
            double before = packet == 0 ? now[place] : 0;
            for (std::size_t step = 1; packet > 0 && step <= steps.size(); ++step)
                if (place + moved >= step && place + moved - step < now.size())
                    before += steps[step - 1] * now[place + moved - step];
            next[place] += before * std::exp(delays.log_density(packet, slot_of(packet, place)));
        }
        const auto sum = std::accumulate(next.begin(), next.end(), 0.0);
        log += std::log(sum);
        for (auto& share : next)
            share /= sum;
        now.swap(next);
    }
    return log;
}

/// The likelihood if the packets of each block are at any of the block's slots. `slot`: of the
/// first packet.
double in_blocks(const Delays& delays, Reads reads, std::size_t slot, double slots_a_packet,
                 stream::PacketNumber block) {
    const auto block_of = [&](std::size_t packet) { return (reads[packet].number - 1) / block; };
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
                density += std::exp(delays.log_density(packet, at));
            sum += std::log(density / static_cast<double>(slot_of(end) - slot_of(begin)));
        }
    }
    return sum;
}

double packets_a_second(Reads reads) {
    return static_cast<double>(reads.size() - 1) / (reads.back().at - reads.front().at);
}

/// Slots' times from the packets' order and arrivals: the i-th is at the result plus i mean gaps.
double first_slot(Reads reads, const Route& route) {
    const auto per_second = packets_a_second(reads);
    double sum = 0;
    for (std::size_t i = 0; i < reads.size(); ++i)
        sum += reads[i].at - static_cast<double>(i) / per_second;
    return sum / static_cast<double>(reads.size()) - mean_delay_of(route);
}

/// Each packet's slot from its neighbours' arrivals: a session's packets have no fixed beat.
std::vector<double> local_slots(Reads reads, const Route& route) {
    constexpr std::size_t around = 20;
    const auto gap = 1 / packets_a_second(reads);
    std::vector<double> slots;
    for (std::size_t i = 0; i < reads.size(); ++i) {
        const auto from = i < around ? 0 : i - around, to = std::min(reads.size(), i + around + 1);
        double sum = 0;
        for (auto k = from; k < to; ++k)
            sum += reads[k].at + gap * (static_cast<double>(i) - static_cast<double>(k));
        slots.push_back(sum / static_cast<double>(to - from) - mean_delay_of(route));
    }
    return slots;
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
                                   stream::PacketNumber block) {
    constexpr std::size_t around = 40, shifts = 8;
    const auto& ms = slots.ms();
    const auto density = log_densities(route);
    std::vector<int> arrivals;
    for (const auto& read : reads)
        arrivals.push_back(static_cast<int>(std::lround(read.at * 1000)));
    const Delays delays{ms, arrivals, density};
    if (ms.size() < 2 || reads.size() < 200) return std::nullopt;
    const auto slots_a_packet = 1000 * static_cast<double>(ms.size() - 1) /
                                static_cast<double>(ms.back() - ms.front()) /
                                packets_a_second(reads);
    const auto guess = first_slot(reads, route) * 1000;
    const auto first =
        static_cast<std::size_t>(std::lower_bound(ms.begin(), ms.end(), guess) - ms.begin());
    const auto needed = static_cast<std::size_t>(
        std::lround(static_cast<double>(reads.size() + 1) * slots_a_packet));
    if (first < around || first + around + needed + 1 > ms.size()) return std::nullopt;
    if (block == 1) return in_order(delays, first, slots_a_packet, around);
    std::vector<double> logs;
    for (auto slot = first - shifts; slot <= first + shifts; ++slot)
        logs.push_back(in_blocks(delays, reads, slot, slots_a_packet, block));
    return log_sum(logs);
}

std::optional<double> reply_score(const Times& delivered, Reads reads, const Route& route,
                                  const ReplySignal& signal, const Lags& lags) {
    constexpr std::size_t together = 10;
    if (reads.size() <= 2 * together || delivered.empty()) return std::nullopt;
    // What the packets up to each one told.
    std::vector<double> told_upto{0};
    for (const auto& read : reads)
        told_upto.push_back(told_upto.back() + signal(read));
    std::vector<double> told;
    for (std::size_t i = together; i < reads.size(); ++i)
        told.push_back(told_upto[i + 1] - told_upto[i + 1 - together]);
    // Deliveries so far, at every millisecond.
    std::vector<double> so_far(static_cast<std::size_t>(delivered.back() * 1000) + 2);
    for (const auto at : delivered)
        ++so_far[static_cast<std::size_t>(std::lround(at * 1000))];
    std::partial_sum(so_far.begin(), so_far.end(), so_far.begin());
    const auto until = [&](double at) {
        const auto ms = std::lround(std::clamp(at * 1000, 0.0, so_far.size() - 1.0));
        return so_far[static_cast<std::size_t>(ms)];
    };
    const auto slots = local_slots(reads, route);
    std::vector<double> seen(told.size());
    double best = -1;
    for (double lag = lags.from; lag <= lags.to; lag += lags.step) {
        for (std::size_t i = 0; i < seen.size(); ++i)
            seen[i] = until(slots[i + together] - lag) - until(slots[i] - lag);
        best = std::max(best, correlation(told, seen));
    }
    return best;
}

}  // namespace nightjar::lab::attacks
