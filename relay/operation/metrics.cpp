#include "relay/operation/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <vector>

namespace nightjar::relay::operation {

namespace {

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help,
                         const prometheus::Labels& labels = {}) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels);
}

prometheus::Counter& counter(prometheus::Registry& registry, const char* name, const char* help,
                             const prometheus::Labels& labels = {}) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
}

double unix_seconds(base::Wall at) {
    return static_cast<double>(at.time_since_epoch() / base::Seconds{1});
}

struct LabCounter {
    const char* name;
    const char* help;
    std::uint64_t core::Counters::*value;
};
constexpr std::array lab_counters{
    LabCounter{"nightjar_lab_packets_in_total", "Packets that arrived.",
               &core::Counters::packets_in},
    LabCounter{"nightjar_lab_packets_in_client_total", "Packets that arrived from clients.",
               &core::Counters::packets_in_client},
    LabCounter{"nightjar_lab_packets_in_relay_total", "Packets that arrived from relays.",
               &core::Counters::packets_in_relay},
    LabCounter{"nightjar_lab_packets_out_total", "Packets passed to a next relay.",
               &core::Counters::packets_out},
    LabCounter{"nightjar_lab_deliveries_total", "Deliveries queued for a client's mailbox.",
               &core::Counters::deliveries},
    LabCounter{"nightjar_lab_exit_payloads_total", "Packets whose payload was for this exit.",
               &core::Counters::exit_payloads},
    LabCounter{"nightjar_lab_replies_total", "Ticks of exit sessions that spent a SURB.",
               &core::Counters::replies},
    LabCounter{"nightjar_lab_ticks_missed_total", "Ticks of exit sessions without a SURB.",
               &core::Counters::ticks_missed},
    LabCounter{"nightjar_lab_loops_sent_total", "Loops of this relay that it sent.",
               &core::Counters::loops_sent},
    LabCounter{"nightjar_lab_loops_returned_total", "Loops of this relay that came back.",
               &core::Counters::loops_returned},
    LabCounter{"nightjar_lab_loops_lost_total", "Loops of this relay given up as lost.",
               &core::Counters::loops_lost},
    LabCounter{"nightjar_lab_down_cells_total", "Cells sent to clients, padding too.",
               &core::Counters::down_cells},
    LabCounter{"nightjar_lab_held_packets_total", "Packets that left the mix on time.",
               &core::Counters::held_packets},
};

/// The lab metrics have their own registry, so that they cannot appear unless it is serialised.
struct LabRegistry {
    LabRegistry();
    void set(const core::LabFacts& facts);

    static void raise(prometheus::Counter& counter, double to) {
        const double by = to - counter.Value();
        if (by > 0) counter.Increment(by);
    }

    prometheus::Registry registry;
    std::vector<prometheus::Counter*> counters;
    std::vector<prometheus::Counter*> dropped;
    prometheus::Counter& held;
    prometheus::Counter& asked;
    prometheus::Counter& loop_round_trips;
    prometheus::Counter& unwrap_refused;
};

LabRegistry::LabRegistry()
    : held{counter(registry, "nightjar_lab_held_seconds_total",
                   "Sum of the times that packets which left the mix on time were held.")},
      asked{counter(registry, "nightjar_lab_asked_seconds_total",
                    "Sum of the delays that those packets requested.")},
      loop_round_trips{counter(registry, "nightjar_lab_loop_round_trip_seconds_total",
                               "Sum of the round-trip times of this relay's loops.")},
      unwrap_refused{counter(registry, "nightjar_lab_unwrap_refused_total",
                             "Packets refused because the workers' intake was full.")} {
    for (const auto& one : lab_counters)
        counters.push_back(&counter(registry, one.name, one.help));
    for (const auto* reason : core::drop_reason_names) {
        dropped.push_back(&counter(registry, "nightjar_lab_packets_dropped_total",
                                   "Packets dropped, by reason.", {{"reason", reason}}));
    }
}

void LabRegistry::set(const core::LabFacts& facts) {
    for (std::size_t i = 0; i < lab_counters.size(); ++i)
        raise(*counters[i], static_cast<double>(facts.counters.*lab_counters[i].value));
    for (std::size_t i = 0; i < core::drop_reason_count; ++i)
        raise(*dropped[i], static_cast<double>(facts.counters.dropped[i]));
    raise(held, static_cast<double>(facts.counters.held_ns) * 1e-9);
    raise(asked, static_cast<double>(facts.counters.asked_ns) * 1e-9);
    raise(loop_round_trips, base::to_seconds(facts.loop_round_trips));
    raise(unwrap_refused, static_cast<double>(facts.unwrap_refused));
}

}  // namespace

struct Metrics::Impl {
    Impl();
    void set(const StaticFacts& facts);

    prometheus::Registry registry;
    prometheus::Family<prometheus::Gauge>& build_info;
    prometheus::Family<prometheus::Gauge>& policy_info;
    std::vector<prometheus::Gauge*> states;
    prometheus::Gauge& epoch;
    prometheus::Gauge& valid_until;
    prometheus::Gauge& key_expiry;
    prometheus::Gauge& reload_success;
    prometheus::Gauge& reload_successful;
    prometheus::Gauge& version_recommended;
    prometheus::Gauge& loop_rtt;
    prometheus::Gauge& process_start;
    prometheus::Gauge& max_fds;
    prometheus::Gauge* build = nullptr;
    prometheus::Gauge* policy = nullptr;
    bool policy_says_lab = false;
    LabRegistry lab;
};

Metrics::Impl::Impl()
    : build_info{prometheus::BuildGauge()
                     .Name("nightjar_build_info")
                     .Help("The program's version; always 1.")
                     .Register(registry)},
      policy_info{prometheus::BuildGauge()
                      .Name("nightjar_metrics_policy_info")
                      .Help("Which metrics are shown: static facts only, or a lab's exact values.")
                      .Register(registry)},
      epoch{gauge(registry, "nightjar_epoch", "The epoch of the network document in use.")},
      valid_until{gauge(registry, "nightjar_directory_valid_until_timestamp_seconds",
                        "When the network document in use ends.")},
      key_expiry{gauge(registry, "nightjar_key_expiry_timestamp_seconds",
                       "When the newest key of its kind ends.", {{"key", "mix"}})},
      reload_success{gauge(registry, "nightjar_config_last_reload_success_timestamp_seconds",
                           "When the configuration was last applied.")},
      reload_successful{gauge(registry, "nightjar_config_last_reload_successful",
                              "Whether the last reload was applied.")},
      version_recommended{gauge(registry, "nightjar_version_recommended",
                                "Whether the network document recommends this version.")},
      loop_rtt{gauge(registry, "nightjar_expected_loop_rtt_seconds",
                     "The mean round-trip time of a loop by the network's parameters.")},
      process_start{gauge(registry, "process_start_time_seconds", "When the process started.")},
      max_fds{gauge(registry, "process_max_fds", "How many files the process may open.")} {
    for (const auto* name : core::state_names) {
        states.push_back(&gauge(registry, "nightjar_state", "1 for the state that the relay is in.",
                                {{"state", name}}));
    }
}

void Metrics::Impl::set(const StaticFacts& facts) {
    if (build == nullptr) build = &build_info.Add({{"version", facts.version}});
    build->Set(1);
    // Only the mode in force exists, so that an alert on mode="lab" never sees a zero of it outside
    // a lab.
    if (policy == nullptr || policy_says_lab != facts.lab) {
        if (policy != nullptr) policy_info.Remove(policy);
        policy_says_lab = facts.lab;
        const auto* mode = facts.lab ? "lab" : "static";
        policy = &policy_info.Add({{"mode", mode}, {"window", "none"}, {"noise", "none"}});
        policy->Set(1);
    }
    for (std::size_t i = 0; i < core::state_count; ++i)
        states[i]->Set(i == static_cast<std::size_t>(facts.state) ? 1 : 0);
    epoch.Set(facts.epoch.value);
    valid_until.Set(unix_seconds(facts.directory_valid_until));
    key_expiry.Set(unix_seconds(facts.mix_key_expiry));
    reload_success.Set(unix_seconds(facts.config_last_reload_success));
    reload_successful.Set(facts.config_last_reload_successful ? 1 : 0);
    version_recommended.Set(facts.version_recommended ? 1 : 0);
    loop_rtt.Set(base::to_seconds(facts.expected_loop_rtt));
    process_start.Set(unix_seconds(facts.process_start));
    max_fds.Set(static_cast<double>(facts.max_fds));
}

Metrics::Metrics() : impl_{std::make_unique<Impl>()} {}
Metrics::~Metrics() = default;

std::string Metrics::text(const StaticFacts& facts, const core::LabFacts* lab) {
    impl_->set(facts);
    auto families = impl_->registry.Collect();
    if (lab != nullptr) {
        impl_->lab.set(*lab);
        for (auto& family : impl_->lab.registry.Collect())
            families.push_back(std::move(family));
    }
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, families);
    return out.str();
}

}  // namespace nightjar::relay::operation
