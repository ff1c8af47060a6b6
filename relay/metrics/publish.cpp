#include "relay/metrics/publish.hpp"

#include <algorithm>

namespace nightjar::relay::metrics {
namespace {

constexpr auto& packets = declared("nightjar_window_packets");
constexpr auto& handshakes = declared("nightjar_window_handshakes");
constexpr auto& drops = declared("nightjar_window_packets_dropped");
constexpr auto& cpu = declared("nightjar_window_cpu_seconds");
constexpr auto& memory = declared("process_resident_memory_bytes");
constexpr auto& files = declared("process_open_fds");
constexpr auto& success = declared("nightjar_window_loop_success_ratio");
constexpr auto& reachable = declared("nightjar_peers_reachable_ratio");

std::uint64_t scaled(std::uint64_t value, base::Seconds window) {
    if (window >= window_least) return value;
    const auto part = value * static_cast<std::uint64_t>(window.count()) /
                      static_cast<std::uint64_t>(standard_window.count());
    return std::max<std::uint64_t>(part, 1);
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t quantum) {
    return (value + quantum - 1) / quantum * quantum;
}

/// In whole percent, rounded down to the step. nullopt: there was nothing.
std::optional<std::uint32_t> percent(std::uint64_t part, std::uint64_t whole, std::uint64_t step) {
    if (whole == 0) return std::nullopt;
    return static_cast<std::uint32_t>(part * 100 / whole / step * step);
}

/// The upper end of the step that has the round trip at this rank.
std::optional<base::Nanoseconds> quantile(const core::RoundTripCounts& begin,
                                          const core::RoundTripCounts& end, std::uint64_t percent) {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < end.counts.size(); ++i)
        all += end.counts[i] - begin.counts[i];
    if (all == 0) return std::nullopt;
    std::uint64_t seen = 0;
    std::size_t step = 0;
    for (;; ++step) {
        seen += end.counts[step] - begin.counts[step];
        if (seen * 100 >= all * percent) return core::RoundTripCounts::longest(step);
    }
}

std::uint32_t capacity_step(std::uint64_t packets_in, std::uint64_t room) {
    const auto used = room == 0 ? 0 : packets_in * 100 / room;
    std::uint32_t reached = 0;
    for (const std::uint32_t step : {25U, 50U, 75U, 90U, 100U})
        if (used >= step) reached = step;
    return reached;
}

/// A dropped packet is in exactly one published count: its reason's, or that of all other reasons.
void publish_drops(const Totals& begin, const Totals& end, Grain grain, base::Random& random,
                   Published& out) {
    std::uint64_t others = 0;
    for (std::size_t i = 0; i < core::drop_reason_count; ++i) {
        const auto count = end.dropped[i] - begin.dropped[i];
        const auto noised = with_noise(count, grain, random);
        if (noised >= reason_least)
            out.dropped[i] = noised;
        else
            others += count;
    }
    // A new draw: the reasons' own draws have decided what is shown.
    out.dropped_other = with_noise(others, grain, random);
}

}  // namespace

Grain grain(const Declaration& metric, base::Seconds window) {
    return {scaled(metric.quantum, window), scaled(metric.sensitivity, window)};
}

std::uint64_t with_noise(std::uint64_t count, Grain grain, base::Random& random) {
    const auto rounded = (count / grain.quantum + 1) * grain.quantum;
    const auto noised =
        static_cast<std::int64_t>(rounded) + discrete_laplace(grain.scale(), random);
    return static_cast<std::uint64_t>(std::max<std::int64_t>(noised, 0));
}

Published publish(const Totals& begin, const Totals& end, base::Wall ended, base::Seconds length,
                  const Terms& terms, base::Random& random) {
    Published out;
    out.end = ended;
    out.length = length;
    out.packets_in =
        with_noise(end.packets_in - begin.packets_in, grain(packets, terms.window), random);
    publish_drops(begin, end, grain(drops, terms.window), random, out);
    auto dropped = out.dropped_other;
    for (const auto& reason : out.dropped)
        dropped += reason.value_or(0);
    out.packets_out = out.packets_in - std::min(out.packets_in, dropped);
    const auto room = terms.packets_per_second * static_cast<std::uint64_t>(length.count());
    out.capacity_percent = capacity_step(out.packets_in, room);
    const auto used = static_cast<std::uint64_t>((end.cpu - begin.cpu).count());
    out.cpu_seconds = round_up(with_noise(used, grain(cpu, terms.window), random), 1000) / 1000;

    for (std::size_t i = 0; i < handshake_count; ++i)
        out.handshakes[i] = with_noise(end.handshakes[i] - begin.handshakes[i],
                                       grain(handshakes, terms.window), random);

    const auto returned = end.loops_returned - begin.loops_returned;
    const auto failed = end.loops_failed - begin.loops_failed;
    out.loop_success_percent = percent(returned, returned + failed, success.quantum);
    out.round_trip_p50 = quantile(begin.round_trips, end.round_trips, 50);
    out.round_trip_p95 = quantile(begin.round_trips, end.round_trips, 95);
    out.peers_percent = percent(end.next_relays_up, end.next_relays, reachable.quantum);
    out.directory_failures = end.directory_failures - begin.directory_failures;
    out.resident_bytes = round_up(end.resident_bytes, memory.quantum);
    out.open_files = round_up(end.open_files, files.quantum);
    return out;
}

}  // namespace nightjar::relay::metrics
