// The one declaration of each metric. What a relay exports, the table of docs/metrics.md and the
// allow-list test all follow from it. A metric without a class does not compile, and neither does
// one whose class and release contradict each other. Pure; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sphinx/base/time.hpp"

namespace nightjar::relay::metrics {

enum class Class : std::uint8_t {
    S,  // static: no traffic changes it
    W,  // windowed: of the last whole window, as `Release` says
    L,  // lab: exact and live, only while the signed document says lab
};

/// How a value of class W leaves its window.
enum class Release : std::uint8_t {
    exact,    // S and L; in W for facts that no traffic changes
    noised,   // rounded up to the quantum, plus noise for the sensitivity
    stepped,  // rounded to the quantum
    derived,  // computed from noised values alone
};

/// The class of a metric, which has no default.
struct Shown {
    constexpr Shown(Class given) : value{given} {}  // NOLINT: a declaration names the class alone
    Class value;
};

struct Declaration {
    std::string_view name;
    std::string_view labels = "";  // in alphabetical order, with commas; empty: none
    std::string_view help;
    Shown shown;
    Release release = Release::exact;
    std::uint64_t quantum = 0;      // in `unit`
    std::uint64_t sensitivity = 0;  // in `unit`; of one user's 1 MB, or what the policy sets
    std::string_view unit = "";     // of quantum and sensitivity
    bool counter = false;           // else a gauge
};

/// epsilon = 3/10 for each noised value of each window.
inline constexpr std::uint64_t epsilon_numerator = 3;
inline constexpr std::uint64_t epsilon_denominator = 10;

/// The window for which quantum and sensitivity are meant. Only a lab has shorter ones than a
/// quarter of it: they scale both down, so that noise is the same share of the traffic.
inline constexpr base::Seconds standard_window{3600};
inline constexpr base::Seconds window_least{900};  // outside a lab
inline constexpr base::Seconds window_most{86'400};

inline constexpr std::uint64_t mebibyte = 1024 * 1024;

using Text = std::string_view;

constexpr Declaration fixed(Text name, Text labels, Text help) {
    return {.name = name, .labels = labels, .help = help, .shown = Class::S};
}
constexpr Declaration windowed(Text name, Text help) {
    return {.name = name, .help = help, .shown = Class::W};
}
/// A counter that advances at the end of a window only.
constexpr Declaration counts_at_window_end(Text name, Text help) {
    auto made = windowed(name, help);
    made.counter = true;
    return made;
}
constexpr Declaration noised(Text name, Text labels, Text help, std::uint64_t quantum,
                             std::uint64_t sensitivity, Text unit) {
    auto made = windowed(name, help);
    made.labels = labels;
    made.release = Release::noised;
    made.quantum = quantum;
    made.sensitivity = sensitivity;
    made.unit = unit;
    return made;
}
constexpr Declaration stepped(Text name, Text help, std::uint64_t quantum, Text unit) {
    auto made = windowed(name, help);
    made.release = Release::stepped;
    made.quantum = quantum;
    made.unit = unit;
    return made;
}
constexpr Declaration derived(Text name, Text help) {
    auto made = windowed(name, help);
    made.release = Release::derived;
    return made;
}
constexpr Declaration lab_counter(Text name, Text labels, Text help) {
    return {.name = name, .labels = labels, .help = help, .shown = Class::L, .counter = true};
}
constexpr Declaration lab_gauge(Text name, Text help) {
    return {.name = name, .help = help, .shown = Class::L};
}

// In the order of a scrape.
inline constexpr std::array declarations{
    fixed("nightjar_build_info", "version", "The version of the program; always 1."),
    fixed("nightjar_metrics_policy_info", "mode,noise,window",
          "How values that traffic changes are shown: windowed, or exact in a lab."),
    fixed("nightjar_epoch", "", "The epoch of the network document in use."),
    fixed("nightjar_directory_valid_until_timestamp_seconds", "",
          "When the network document in use ends."),
    fixed("nightjar_key_expiry_timestamp_seconds", "key", "When the newest key of its kind ends."),
    fixed("nightjar_config_last_reload_success_timestamp_seconds", "",
          "When the configuration was last applied."),
    fixed("nightjar_config_last_reload_successful", "", "0 after a reload that was refused."),
    fixed("nightjar_version_recommended", "",
          "1 if the network document recommends this version, or none."),
    fixed("nightjar_expected_loop_rtt_seconds", "",
          "The mean round-trip time of a loop by the parameters of the network."),
    fixed(
        "nightjar_clock_offset_seconds", "",
        "How far the machine's clock is ahead of the authorities' at the least, in steps of 0.1."),
    fixed("nightjar_selftest_packets_per_second", "mode",
          "What one worker unwrapped in the self-test at the start; mode is its code."),
    fixed("nightjar_loops_withheld_last_timestamp_seconds", "",
          "The hour in which this relay last found packets withheld from it; 0: never."),
    fixed("nightjar_overload_last_timestamp_seconds", "kind",
          "The hour of the last window in which something had no room, or a relay flooded; 0: "
          "never."),
    fixed("nightjar_directory_conflict", "",
          "1 if two valid network documents of one epoch that differ have come; kept as proof."),
    fixed("process_start_time_seconds", "", "When the process started."),
    fixed("process_max_fds", "", "How many files the process may open."),
    fixed("nightjar_state", "state", "1 for the state that the relay is in."),
    counts_at_window_end("nightjar_bugs_total",
                         "Tasks that a bug ended; advances at the end of a window."),
    windowed("nightjar_window_end_timestamp_seconds", "When the last whole window ended."),
    windowed("nightjar_window_seconds", "How long that window was."),
    noised("nightjar_window_packets", "direction",
           "Packets that arrived in the window (in), less those dropped (out).", 1024, 6144,
           "packets"),
    noised("nightjar_window_packets_dropped", "reason",
           "Packets dropped in the window; reasons below 1024 count as other.", 64, 256, "packets"),
    noised("nightjar_window_handshakes", "result",
           "Handshakes of links that came or were dialled in the window.", 8, 8, "handshakes"),
    derived("nightjar_capacity_used_ratio",
            "Packets of the window, by what the relay is made for: at least .25 .5 .75 .9 1."),
    stepped("nightjar_window_loop_success_ratio",
            "Loops of this relay that came back unchanged, of those that ended.", 1, "percent"),
    stepped("nightjar_window_loop_rtt_p50_seconds",
            "Half of the loops that came back took at most this long.", 0, ""),
    stepped("nightjar_window_loop_rtt_p95_seconds",
            "95 of 100 loops that came back took at most this long.", 0, ""),
    stepped("nightjar_peers_reachable_ratio",
            "Share of the next relays to which a link stood at the end of the window.", 10,
            "percent"),
    windowed("nightjar_window_directory_fetch_failures",
             "Requests to an authority that failed in the window."),
    noised("nightjar_window_cpu_seconds", "", "CPU time that the process used in the window.", 1000,
           4000, "ms"),
    stepped("process_resident_memory_bytes", "Memory of the process at the end of the window.",
            16 * mebibyte, "bytes"),
    stepped("process_open_fds", "Open files of the process at the end of the window.", 64, "files"),
    lab_counter("nightjar_lab_held_seconds_total", "",
                "Sum of the times that packets which left the mix on time were held."),
    lab_counter("nightjar_lab_asked_seconds_total", "",
                "Sum of the delays set for them, by the sender or, at the last relay, by it."),
    lab_counter("nightjar_lab_loop_round_trip_seconds_total", "",
                "Sum of the round-trip times of this relay's loops."),
    lab_counter("nightjar_lab_unwrap_refused_total", "",
                "Packets that found the workers' intake full; also counted as overflow."),
    lab_counter("nightjar_lab_no_descriptors_total", "",
                "Links and streams not served because no file descriptor was left."),
    lab_counter("nightjar_lab_packets_in_total", "", "Packets that arrived."),
    lab_counter("nightjar_lab_packets_in_client_total", "", "Packets that arrived from clients."),
    lab_counter("nightjar_lab_packets_in_relay_total", "", "Packets that arrived from relays."),
    lab_counter("nightjar_lab_packets_out_total", "", "Packets passed to a next relay."),
    lab_counter("nightjar_lab_deliveries_total", "", "Deliveries queued for a client's mailbox."),
    lab_counter("nightjar_lab_exit_payloads_total", "", "Packets whose payload was for this exit."),
    lab_counter("nightjar_lab_replies_total", "", "Ticks of exit sessions that spent a SURB."),
    lab_counter("nightjar_lab_ticks_missed_total", "", "Ticks of exit sessions without a SURB."),
    lab_counter("nightjar_lab_loops_sent_total", "", "Loops of this relay that it sent."),
    lab_counter("nightjar_lab_fill_loops_total", "",
                "Loops of this relay that it sent to fill an exit's level; also counted as sent."),
    lab_counter("nightjar_lab_loops_returned_total", "", "Loops of this relay that came back."),
    lab_counter("nightjar_lab_loops_lost_total", "",
                "Loops of this relay not back within the longest route delay."),
    lab_gauge("nightjar_lab_loops_missing",
              "1 while more loops are lost than ordinary loss explains."),
    lab_counter("nightjar_lab_loops_modified_total", "",
                "Loops of this relay that came back with another payload."),
    lab_gauge("nightjar_lab_answering", "1 while the relay answers withheld packets."),
    lab_counter("nightjar_lab_drop_cover_total", "",
                "Drop cover that this relay has made, to answer or for a level."),
    lab_gauge("nightjar_lab_replay_filter_full",
              "1 while a replay filter holds what it is made for, or could not grow."),
    lab_counter("nightjar_lab_down_cells_total", "", "Cells sent to clients, padding too."),
    lab_counter("nightjar_lab_held_packets_total", "", "Packets that left the mix on time."),
    lab_counter("nightjar_lab_packets_dropped_total", "reason", "Packets dropped, by reason."),
};

constexpr bool ends_with(Text text, Text end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}
constexpr bool is_consistent(const Declaration& metric) {
    const bool lab_name = metric.name.starts_with("nightjar_lab_");
    const bool noise = metric.release == Release::noised;
    return lab_name == (metric.shown.value == Class::L) &&
           metric.counter == ends_with(metric.name, "_total") && !metric.help.empty() &&
           (metric.shown.value == Class::W || metric.release == Release::exact) &&
           noise == (metric.sensitivity > 0) && (!noise || metric.quantum > 0) &&
           metric.unit.empty() == (metric.quantum == 0);
}
constexpr bool all_consistent() {
    for (const auto& metric : declarations)
        if (!is_consistent(metric)) return false;
    return true;
}
static_assert(all_consistent());

/// The place of a metric among the declarations. A name that is not declared does not compile.
consteval std::size_t place_of(Text name) {
    for (std::size_t i = 0; i < declarations.size(); ++i)
        if (declarations[i].name == name) return i;
    throw "this metric is not declared";
}
consteval const Declaration& declared(Text name) {
    return declarations[place_of(name)];
}

/// The rows of the table in docs/metrics.md, each with a line feed.
std::string table_rows();

}  // namespace nightjar::relay::metrics
