#include "relay/operation/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <cmath>
#include <sstream>
#include <utility>
#include <vector>

#include "relay/metrics/declarations.hpp"

namespace nightjar::relay::operation {

namespace {

using core::Counters;
using core::DropReason;
using core::State;
using prometheus::MetricType;
using Sample = prometheus::ClientMetric;
using Samples = std::vector<Sample>;

/// What the getters read. `lab` is set for getters of class L, `window` for those of class W.
struct Facts {
    const StaticFacts& fixed;
    const WindowFacts& windows;
    const metrics::Published* window;
    const core::LabFacts* lab;
};

/// Where the values of a declared metric come from.
struct Source {
    std::size_t place;  // among the declarations
    Samples (*samples)(const Facts&);
};

Sample sample(double value, std::vector<Sample::Label> labels = {}) {
    Sample made;
    made.label = std::move(labels);
    made.gauge.value = made.counter.value = value;  // the type of the family selects one
    return made;
}

template <class Number>
Samples one(Number value) {
    return {sample(static_cast<double>(value))};
}

template <base::Wall StaticFacts::*time>
Samples when(const Facts& facts) {
    return one(base::unix_seconds(facts.fixed.*time));
}

template <std::uint64_t Counters::*count>
Samples counted(const Facts& facts) {
    return one(facts.lab->counters.*count);
}

template <std::uint64_t Counters::*nanoseconds>
Samples seconds(const Facts& facts) {
    return one(static_cast<double>(facts.lab->counters.*nanoseconds) * 1e-9);
}

template <std::uint64_t metrics::Published::*value>
Samples published(const Facts& facts) {
    return one(facts.window->*value);
}

/// A ratio that is published in percent; no sample if there was nothing to divide.
Samples ratio(std::optional<std::uint32_t> percent) {
    if (!percent) return {};
    return one(*percent / 100.0);
}

template <std::optional<base::Nanoseconds> metrics::Published::*time>
Samples duration(const Facts& facts) {
    const auto& value = facts.window->*time;
    if (!value) return {};
    return one(base::to_seconds(*value));
}

Samples policy(const Facts& facts) {
    // Only the mode in force is shown, so that an alert on mode="lab" finds no sample outside a
    // lab.
    const auto* mode = facts.lab != nullptr ? "lab" : "windowed";
    const auto window = std::to_string(facts.windows.length.count()) + "s";
    return {sample(1, {{"mode", mode}, {"noise", "laplace_0.3"}, {"window", window}})};
}

Samples overloads(const Facts& facts) {
    Samples samples;
    for (std::size_t i = 0; i < metrics::overload_count; ++i) {
        const auto at = std::chrono::floor<std::chrono::hours>(facts.windows.overloads[i]);
        samples.push_back(sample(base::unix_seconds(at), {{"kind", metrics::overload_names[i]}}));
    }
    return samples;
}

Samples window_packets(const Facts& facts) {
    return {sample(static_cast<double>(facts.window->packets_in), {{"direction", "in"}}),
            sample(static_cast<double>(facts.window->packets_out), {{"direction", "out"}})};
}

/// Rounded, so that what the way to an authority adds to an offset does not show.
Samples clock_offset(const Facts& facts) {
    const auto& ahead = facts.fixed.clock_ahead;
    if (!ahead) return {};
    const auto tenths = std::lround(base::to_seconds(*ahead) * 10);  // an integer has no -0
    return one(static_cast<double>(tenths) / 10);
}

/// An hour says nothing of the moment at which loops were sent or lost.
Samples withheld_hour(const Facts& facts) {
    const auto at = std::chrono::floor<std::chrono::hours>(facts.fixed.loops.withheld_at);
    return one(base::unix_seconds(at));
}

// The order of the samples of a family means nothing to Prometheus. It is fixed, because equal
// facts must give equal bytes.
constexpr std::array state_order{
    State::draining,   State::clock_jumped, State::document_early, State::document_expired,
    State::not_listed, State::active,       State::starting};
static_assert(state_order.size() == core::state_count);
constexpr std::array drop_order{
    DropReason::injected,  DropReason::unreachable, DropReason::overflow,  DropReason::delay,
    DropReason::misrouted, DropReason::replayed,    DropReason::admission, DropReason::malformed};
static_assert(drop_order.size() == core::drop_reason_count);

Samples states(const Facts& facts) {
    Samples samples;
    for (const auto state : state_order) {
        const auto* name = core::state_names[static_cast<std::size_t>(state)];
        samples.push_back(sample(state == facts.fixed.state ? 1 : 0, {{"state", name}}));
    }
    return samples;
}

Samples window_drops(const Facts& facts) {
    Samples samples;
    for (const auto reason : drop_order) {
        const auto i = static_cast<std::size_t>(reason);
        if (const auto& count = facts.window->dropped[i])
            samples.push_back(
                sample(static_cast<double>(*count), {{"reason", core::drop_reason_names[i]}}));
    }
    samples.push_back(
        sample(static_cast<double>(facts.window->dropped_other), {{"reason", "other"}}));
    return samples;
}

Samples window_handshakes(const Facts& facts) {
    Samples samples;
    for (std::size_t i = 0; i < metrics::handshake_count; ++i)
        samples.push_back(sample(static_cast<double>(facts.window->handshakes[i]),
                                 {{"result", metrics::handshake_names[i]}}));
    return samples;
}

Samples dropped(const Facts& facts) {
    Samples samples;
    for (const auto reason : drop_order) {
        const auto i = static_cast<std::size_t>(reason);
        samples.push_back(sample(static_cast<double>(facts.lab->counters.dropped[i]),
                                 {{"reason", core::drop_reason_names[i]}}));
    }
    return samples;
}

using metrics::place_of;

constexpr Source sources[] = {
    {place_of("nightjar_build_info"),
     [](const Facts& facts) {
         return Samples{sample(1, {{"version", facts.fixed.version}})};
     }},
    {place_of("nightjar_metrics_policy_info"), policy},
    {place_of("nightjar_epoch"), [](const Facts& facts) { return one(facts.fixed.epoch.value); }},
    {place_of("nightjar_directory_valid_until_timestamp_seconds"),
     when<&StaticFacts::directory_valid_until>},
    {place_of("nightjar_key_expiry_timestamp_seconds"),
     [](const Facts& facts) {
         return Samples{sample(base::unix_seconds(facts.fixed.mix_key_expiry), {{"key", "mix"}})};
     }},
    {place_of("nightjar_config_last_reload_success_timestamp_seconds"),
     when<&StaticFacts::config_last_reload_success>},
    {place_of("nightjar_config_last_reload_successful"),
     [](const Facts& facts) { return one(facts.fixed.config_last_reload_successful); }},
    {place_of("nightjar_version_recommended"),
     [](const Facts& facts) { return one(facts.fixed.version_recommended); }},
    {place_of("nightjar_expected_loop_rtt_seconds"),
     [](const Facts& facts) { return one(base::to_seconds(facts.fixed.expected_loop_rtt)); }},
    {place_of("nightjar_clock_offset_seconds"), clock_offset},
    {place_of("nightjar_selftest_packets_per_second"),
     [](const Facts& facts) {
         const auto& test = facts.fixed.self_test;
         return Samples{sample(test.packets_per_second, {{"mode", test.kernel}})};
     }},
    {place_of("nightjar_loops_withheld_last_timestamp_seconds"), withheld_hour},
    {place_of("nightjar_overload_last_timestamp_seconds"), overloads},
    {place_of("nightjar_directory_conflict"),
     [](const Facts& facts) { return one(facts.fixed.conflict); }},
    {place_of("process_start_time_seconds"), when<&StaticFacts::process_start>},
    {place_of("process_max_fds"), [](const Facts& facts) { return one(facts.fixed.max_fds); }},
    {place_of("nightjar_state"), states},

    {place_of("nightjar_bugs_total"), [](const Facts& facts) { return one(facts.windows.bugs); }},
    {place_of("nightjar_window_end_timestamp_seconds"),
     [](const Facts& facts) { return one(base::unix_seconds(facts.window->end)); }},
    {place_of("nightjar_window_seconds"),
     [](const Facts& facts) { return one(facts.window->length.count()); }},
    {place_of("nightjar_window_packets"), window_packets},
    {place_of("nightjar_window_packets_dropped"), window_drops},
    {place_of("nightjar_window_handshakes"), window_handshakes},
    {place_of("nightjar_capacity_used_ratio"),
     [](const Facts& facts) { return ratio(facts.window->capacity_percent); }},
    {place_of("nightjar_window_loop_success_ratio"),
     [](const Facts& facts) { return ratio(facts.window->loop_success_percent); }},
    {place_of("nightjar_window_loop_rtt_p50_seconds"),
     duration<&metrics::Published::round_trip_p50>},
    {place_of("nightjar_window_loop_rtt_p95_seconds"),
     duration<&metrics::Published::round_trip_p95>},
    {place_of("nightjar_peers_reachable_ratio"),
     [](const Facts& facts) { return ratio(facts.window->peers_percent); }},
    {place_of("nightjar_window_directory_fetch_failures"),
     published<&metrics::Published::directory_failures>},
    {place_of("nightjar_window_cpu_seconds"), published<&metrics::Published::cpu_seconds>},
    {place_of("process_resident_memory_bytes"), published<&metrics::Published::resident_bytes>},
    {place_of("process_open_fds"), published<&metrics::Published::open_files>},

    {place_of("nightjar_lab_held_seconds_total"), seconds<&Counters::held_ns>},
    {place_of("nightjar_lab_asked_seconds_total"), seconds<&Counters::asked_ns>},
    {place_of("nightjar_lab_loop_round_trip_seconds_total"),
     [](const Facts& facts) { return one(base::to_seconds(facts.lab->loop_round_trips)); }},
    {place_of("nightjar_lab_unwrap_refused_total"),
     [](const Facts& facts) { return one(facts.lab->unwrap_refused); }},
    {place_of("nightjar_lab_no_descriptors_total"),
     [](const Facts& facts) { return one(facts.lab->no_descriptors); }},
    {place_of("nightjar_lab_packets_in_total"), counted<&Counters::packets_in>},
    {place_of("nightjar_lab_packets_in_client_total"), counted<&Counters::packets_in_client>},
    {place_of("nightjar_lab_packets_in_relay_total"), counted<&Counters::packets_in_relay>},
    {place_of("nightjar_lab_packets_out_total"), counted<&Counters::packets_out>},
    {place_of("nightjar_lab_deliveries_total"), counted<&Counters::deliveries>},
    {place_of("nightjar_lab_exit_payloads_total"), counted<&Counters::exit_payloads>},
    {place_of("nightjar_lab_replies_total"), counted<&Counters::replies>},
    {place_of("nightjar_lab_ticks_missed_total"), counted<&Counters::ticks_missed>},
    {place_of("nightjar_lab_loops_sent_total"), counted<&Counters::loops_sent>},
    {place_of("nightjar_lab_fill_loops_total"), counted<&Counters::fill_loops>},
    {place_of("nightjar_lab_loops_returned_total"), counted<&Counters::loops_returned>},
    {place_of("nightjar_lab_loops_lost_total"), counted<&Counters::loops_lost>},
    {place_of("nightjar_lab_loops_missing"),
     [](const Facts& facts) { return one(facts.lab->loops.missing); }},
    {place_of("nightjar_lab_loops_modified_total"), counted<&Counters::loops_modified>},
    {place_of("nightjar_lab_answering"),
     [](const Facts& facts) { return one(facts.lab->loops.answers); }},
    {place_of("nightjar_lab_drop_cover_total"), counted<&Counters::drop_cover>},
    {place_of("nightjar_lab_replay_filter_full"),
     [](const Facts& facts) { return one(facts.lab->replay_filter_full); }},
    {place_of("nightjar_lab_down_cells_total"), counted<&Counters::down_cells>},
    {place_of("nightjar_lab_held_packets_total"), counted<&Counters::held_packets>},
    {place_of("nightjar_lab_packets_dropped_total"), dropped},
};

/// Each declared metric has its source, in the order of the declarations.
constexpr bool sources_fit() {
    std::size_t place = 0;
    for (const auto& source : sources)
        if (source.place != place++) return false;
    return place == metrics::declarations.size();
}
static_assert(sources_fit());

/// nightjar_bugs_total stands from the start, so that its first step is seen.
bool is_shown(const metrics::Declaration& metric, const Facts& facts) {
    switch (metric.shown.value) {
        case metrics::Class::S:
            return true;
        case metrics::Class::W:
            return facts.window != nullptr || metric.counter;
        case metrics::Class::L:
            break;
    }
    return facts.lab != nullptr;
}

}  // namespace

std::string metrics_text(const StaticFacts& fixed, const WindowFacts& windows,
                         const core::LabFacts* lab) {
    const Facts facts{fixed, windows, windows.published ? &*windows.published : nullptr, lab};
    std::vector<prometheus::MetricFamily> families;
    for (const auto& source : sources) {
        const auto& metric = metrics::declarations[source.place];
        if (!is_shown(metric, facts)) continue;
        auto samples = source.samples(facts);
        if (samples.empty()) continue;
        const auto type = metric.counter ? MetricType::Counter : MetricType::Gauge;
        families.push_back(
            {std::string{metric.name}, std::string{metric.help}, type, std::move(samples)});
    }
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, families);
    return out.str();
}

}  // namespace nightjar::relay::operation
