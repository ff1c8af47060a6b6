#include "relay/operation/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>
#include <utility>
#include <vector>

namespace nightjar::relay::operation {

namespace {

using core::Counters;
using core::DropReason;
using core::State;
using prometheus::MetricType;
using Sample = prometheus::ClientMetric;
using Samples = std::vector<Sample>;

/// What the getters read. `lab` is set for getters of class L.
struct Facts {
    const StaticFacts& fixed;
    const core::LabFacts* lab;
};

enum class Class { S, L };  // docs/metrics.md

struct Metric {
    const char* name;
    const char* help;
    MetricType type;
    Class shown;
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

double unix_seconds(base::Wall at) {
    return static_cast<double>(at.time_since_epoch() / base::Seconds{1});
}

template <base::Wall StaticFacts::*time>
Samples when(const Facts& facts) {
    return one(unix_seconds(facts.fixed.*time));
}

template <std::uint64_t Counters::*count>
Samples counted(const Facts& facts) {
    return one(facts.lab->counters.*count);
}

template <std::uint64_t Counters::*nanoseconds>
Samples seconds(const Facts& facts) {
    return one(static_cast<double>(facts.lab->counters.*nanoseconds) * 1e-9);
}

Samples policy(const Facts& facts) {
    // Only the mode in force is shown, so that an alert on mode="lab" finds no sample outside a
    // lab.
    const auto* mode = facts.fixed.lab ? "lab" : "static";
    return {sample(1, {{"mode", mode}, {"noise", "none"}, {"window", "none"}})};
}

/// An hour says nothing of the moment at which loops were sent or lost.
Samples withheld_hour(const Facts& facts) {
    const auto at = std::chrono::floor<std::chrono::hours>(facts.fixed.loops.withheld_at);
    return one(unix_seconds(at));
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

Samples dropped(const Facts& facts) {
    Samples samples;
    for (const auto reason : drop_order) {
        const auto i = static_cast<std::size_t>(reason);
        samples.push_back(sample(static_cast<double>(facts.lab->counters.dropped[i]),
                                 {{"reason", core::drop_reason_names[i]}}));
    }
    return samples;
}

constexpr auto gauge = MetricType::Gauge;
constexpr auto counter = MetricType::Counter;
using enum Class;

// In the order of a scrape.
const Metric metrics[] = {
    {"nightjar_build_info", "The program's version; always 1.", gauge, S,
     [](const Facts& facts) {
         return Samples{sample(1, {{"version", facts.fixed.version}})};
     }},
    {"nightjar_metrics_policy_info",
     "Which metrics are shown: static facts only, or a lab's exact values.", gauge, S, policy},
    {"nightjar_epoch", "The epoch of the network document in use.", gauge, S,
     [](const Facts& facts) { return one(facts.fixed.epoch.value); }},
    {"nightjar_directory_valid_until_timestamp_seconds", "When the network document in use ends.",
     gauge, S, when<&StaticFacts::directory_valid_until>},
    {"nightjar_key_expiry_timestamp_seconds", "When the newest key of its kind ends.", gauge, S,
     [](const Facts& facts) {
         return Samples{sample(unix_seconds(facts.fixed.mix_key_expiry), {{"key", "mix"}})};
     }},
    {"nightjar_config_last_reload_success_timestamp_seconds",
     "When the configuration was last applied.", gauge, S,
     when<&StaticFacts::config_last_reload_success>},
    {"nightjar_config_last_reload_successful", "Whether the last reload was applied.", gauge, S,
     [](const Facts& facts) { return one(facts.fixed.config_last_reload_successful); }},
    {"nightjar_version_recommended", "Whether the network document recommends this version.", gauge,
     S, [](const Facts& facts) { return one(facts.fixed.version_recommended); }},
    {"nightjar_expected_loop_rtt_seconds",
     "The mean round-trip time of a loop by the network's parameters.", gauge, S,
     [](const Facts& facts) { return one(base::to_seconds(facts.fixed.expected_loop_rtt)); }},
    {"nightjar_loops_withheld_last_timestamp_seconds",
     "The hour in which this relay last found packets withheld from it; 0 if never.", gauge, S,
     withheld_hour},
    {"process_start_time_seconds", "When the process started.", gauge, S,
     when<&StaticFacts::process_start>},
    {"process_max_fds", "How many files the process may open.", gauge, S,
     [](const Facts& facts) { return one(facts.fixed.max_fds); }},
    {"nightjar_state", "1 for the state that the relay is in.", gauge, S, states},

    {"nightjar_lab_held_seconds_total",
     "Sum of the times that packets which left the mix on time were held.", counter, L,
     seconds<&Counters::held_ns>},
    {"nightjar_lab_asked_seconds_total", "Sum of the delays that those packets requested.", counter,
     L, seconds<&Counters::asked_ns>},
    {"nightjar_lab_loop_round_trip_seconds_total",
     "Sum of the round-trip times of this relay's loops.", counter, L,
     [](const Facts& facts) { return one(base::to_seconds(facts.lab->loop_round_trips)); }},
    {"nightjar_lab_unwrap_refused_total", "Packets refused because the workers' intake was full.",
     counter, L, [](const Facts& facts) { return one(facts.lab->unwrap_refused); }},
    {"nightjar_lab_no_descriptors_total",
     "Links and streams not served because no file descriptor was left.", counter, L,
     [](const Facts& facts) { return one(facts.lab->no_descriptors); }},
    {"nightjar_lab_packets_in_total", "Packets that arrived.", counter, L,
     counted<&Counters::packets_in>},
    {"nightjar_lab_packets_in_client_total", "Packets that arrived from clients.", counter, L,
     counted<&Counters::packets_in_client>},
    {"nightjar_lab_packets_in_relay_total", "Packets that arrived from relays.", counter, L,
     counted<&Counters::packets_in_relay>},
    {"nightjar_lab_packets_out_total", "Packets passed to a next relay.", counter, L,
     counted<&Counters::packets_out>},
    {"nightjar_lab_deliveries_total", "Deliveries queued for a client's mailbox.", counter, L,
     counted<&Counters::deliveries>},
    {"nightjar_lab_exit_payloads_total", "Packets whose payload was for this exit.", counter, L,
     counted<&Counters::exit_payloads>},
    {"nightjar_lab_replies_total", "Ticks of exit sessions that spent a SURB.", counter, L,
     counted<&Counters::replies>},
    {"nightjar_lab_ticks_missed_total", "Ticks of exit sessions without a SURB.", counter, L,
     counted<&Counters::ticks_missed>},
    {"nightjar_lab_loops_sent_total", "Loops of this relay that it sent.", counter, L,
     counted<&Counters::loops_sent>},
    {"nightjar_lab_loops_returned_total", "Loops of this relay that came back.", counter, L,
     counted<&Counters::loops_returned>},
    {"nightjar_lab_loops_lost_total", "Loops of this relay given up as lost.", counter, L,
     counted<&Counters::loops_lost>},
    {"nightjar_lab_loops_missing", "1 while more loops are lost than ordinary loss explains.",
     gauge, L, [](const Facts& facts) { return one(facts.lab->loops.missing); }},
    {"nightjar_lab_loops_modified_total", "Loops of this relay that came back changed.", counter, L,
     counted<&Counters::loops_modified>},
    {"nightjar_lab_answering", "1 while the relay answers withheld packets.", gauge, L,
     [](const Facts& facts) { return one(facts.lab->loops.answers); }},
    {"nightjar_lab_drop_cover_total", "Drop cover that this relay has made.", counter, L,
     counted<&Counters::drop_cover>},
    {"nightjar_lab_replay_filter_full",
     "1 while a replay filter holds as many packets as it is made for.", gauge, L,
     [](const Facts& facts) { return one(facts.lab->replay_filter_full); }},
    {"nightjar_lab_down_cells_total", "Cells sent to clients, padding too.", counter, L,
     counted<&Counters::down_cells>},
    {"nightjar_lab_held_packets_total", "Packets that left the mix on time.", counter, L,
     counted<&Counters::held_packets>},
    {"nightjar_lab_packets_dropped_total", "Packets dropped, by reason.", counter, L, dropped},
};

}  // namespace

std::string metrics_text(const StaticFacts& fixed, const core::LabFacts* lab) {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& metric : metrics) {
        if (metric.shown == Class::L && lab == nullptr) continue;
        families.push_back({metric.name, metric.help, metric.type, metric.samples({fixed, lab})});
    }
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, families);
    return out.str();
}

}  // namespace nightjar::relay::operation
