#include "relay/operation/metrics.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "relay/metrics/declarations.hpp"

using namespace nightjar;
using namespace nightjar::relay;
using namespace nightjar::relay::core;
using namespace nightjar::relay::operation;

namespace {

StaticFacts facts(bool lab) {
    StaticFacts facts;
    facts.version = "0.1.0";
    facts.state = State::active;
    facts.lab = lab;
    facts.epoch = {1234};
    facts.process_start = base::Wall{base::Seconds{1'800'000'000}};
    facts.directory_valid_until = base::Wall{base::Seconds{1'800'003'600}};
    facts.mix_key_expiry = base::Wall{base::Seconds{1'800'007'200}};
    facts.expected_loop_rtt = base::Milliseconds{250};
    facts.clock_ahead = base::Milliseconds{-12'345};
    facts.self_test = {98'700, "avx2"};
    facts.max_fds = 1024;
    return facts;
}

LabFacts busy() {
    LabFacts lab;
    lab.counters.packets_in = 123'456'789;
    lab.counters.held_packets = 1000;
    lab.counters.held_ns = 50'250'000'000;
    lab.counters.asked_ns = 50'000'000'000;
    lab.counters.drop(DropReason::replayed);
    lab.counters.drop(DropReason::replayed);
    lab.loop_round_trips = base::Milliseconds{1500};
    lab.loops.missing = true;
    lab.replay_filter_full = true;
    return lab;
}

/// "name" or "name{label}" of every sample.
std::set<std::string> names(const std::string& text) {
    std::set<std::string> found;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.front() == '#') continue;
        auto name = line.substr(0, line.find_first_of("{ "));
        if (const auto open = line.find('{'); open != std::string::npos) {
            name += "{";
            const auto labels = line.substr(open + 1, line.find('}') - open - 1);
            std::istringstream parts{labels};
            for (std::string part; std::getline(parts, part, ',');)
                name += part.substr(0, part.find('=')) + ",";
            name.back() = '}';
        }
        found.insert(name);
    }
    return found;
}

/// The declared names of the given classes.
std::set<std::string> declared(const std::string& classes) {
    std::set<std::string> found;
    for (const auto& metric : metrics::declarations) {
        const auto letter = "SWL"[static_cast<std::size_t>(metric.shown.value)];
        if (classes.find(letter) == std::string::npos) continue;
        auto name = std::string{metric.name};
        if (!metric.labels.empty()) name += "{" + std::string{metric.labels} + "}";
        found.insert(name);
    }
    return found;
}

WindowFacts whole_window() {
    metrics::Published window;
    window.end = base::Wall{base::Seconds{1'800'003'600}};
    window.length = base::Seconds{7200};
    window.packets_in = 1'812'345;
    window.packets_out = 1'802'345;
    window.dropped[static_cast<std::size_t>(DropReason::overflow)] = 9'000;
    window.dropped_other = 1'000;
    window.handshakes = {101, 102, 103, 104, 105, 106, 107};
    window.cpu_seconds = 77;
    window.capacity_percent = 75;
    window.loop_success_percent = 98;
    window.round_trip_p50 = base::Milliseconds{280};
    window.round_trip_p95 = base::Milliseconds{640};
    window.peers_percent = 90;
    window.directory_failures = 3;
    window.resident_bytes = 48 * metrics::mebibyte;
    window.open_files = 128;
    return {base::Seconds{3600}, window, 4, {base::Wall{base::Seconds{1'800'003'599}}}};
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: outside a lab exactly the declared names of classes S and W are shown") {
    CHECK(names(metrics_text(facts(false), whole_window(), nullptr)) == declared("SW"));
}

TEST_CASE("metrics: before the first whole window, class S and the count of bugs are shown") {
    auto expected = declared("S");
    expected.insert("nightjar_bugs_total");
    CHECK(names(metrics_text(facts(false), WindowFacts{}, nullptr)) == expected);
}

TEST_CASE("metrics: in a lab exactly the declared names are shown") {
    const auto lab = busy();
    CHECK(names(metrics_text(facts(true), whole_window(), &lab)) == declared("SWL"));
}

TEST_CASE("metrics: the table of docs/metrics.md is what is declared, byte for byte") {
    std::ifstream page{NIGHTJAR_SOURCE_DIR "/docs/metrics.md"};
    REQUIRE(page.good());
    std::string rows;
    for (std::string line; std::getline(page, line);)
        if (line.starts_with("| `nightjar_") || line.starts_with("| `process_"))
            rows += line + "\n";
    INFO("the table should be:\n" << metrics::table_rows());
    CHECK(rows == metrics::table_rows());
}

TEST_CASE("metrics: every value of a window has a name of its own") {
    const auto text = metrics_text(facts(false), whole_window(), nullptr);
    for (const auto* line :
         {"nightjar_window_end_timestamp_seconds 1800003600",
          "nightjar_window_seconds 7200",
          "nightjar_window_packets{direction=\"in\"} 1812345",
          "nightjar_window_packets{direction=\"out\"} 1802345",
          "nightjar_window_packets_dropped{reason=\"overflow\"} 9000",
          "nightjar_window_packets_dropped{reason=\"other\"} 1000",
          "nightjar_window_handshakes{result=\"made\"} 101",
          "nightjar_window_handshakes{result=\"refused\"} 102",
          "nightjar_window_handshakes{result=\"unreachable\"} 103",
          "nightjar_window_handshakes{result=\"tls\"} 104",
          "nightjar_window_handshakes{result=\"hello\"} 105",
          "nightjar_window_handshakes{result=\"timed_out\"} 106",
          "nightjar_window_handshakes{result=\"other\"} 107",
          "nightjar_capacity_used_ratio 0.75",
          "nightjar_window_loop_success_ratio 0.98",
          "nightjar_window_loop_rtt_p50_seconds 0.28",
          "nightjar_window_loop_rtt_p95_seconds 0.64",
          "nightjar_peers_reachable_ratio 0.9",
          "nightjar_window_directory_fetch_failures 3",
          "nightjar_window_cpu_seconds 77",
          "process_resident_memory_bytes 50331648",
          "process_open_fds 128",
          "nightjar_bugs_total 4",
          "nightjar_overload_last_timestamp_seconds{kind=\"descriptors\"} 1800000000",
          "nightjar_overload_last_timestamp_seconds{kind=\"intake\"} 0",
          "nightjar_overload_last_timestamp_seconds{kind=\"flood\"} 0",
          "nightjar_metrics_policy_info{mode=\"windowed\",noise=\"laplace_0.3\",window=\"3600s\"} "
          "1"})
        CHECK_MESSAGE(has_line(text, line), line);
    // A reason below the threshold has no sample at all.
    CHECK(text.find("reason=\"malformed\"") == std::string::npos);
}

TEST_CASE("metrics: outside a lab, traffic changes no byte of a scrape") {
    const auto before = metrics_text(facts(false), WindowFacts{}, nullptr);
    // A scrape in a lab shows exact values. It must not change later scrapes outside a lab.
    const auto lab = busy();
    CHECK(metrics_text(facts(true), WindowFacts{}, &lab) != before);
    CHECK(metrics_text(facts(false), WindowFacts{}, nullptr) == before);
    CHECK(before.find("nightjar_lab") == std::string::npos);
    CHECK(before.find("mode=\"lab\"") == std::string::npos);
}

TEST_CASE("metrics: values") {
    const auto lab = busy();
    const auto text = metrics_text(facts(true), WindowFacts{}, &lab);
    for (const auto* line :
         {"nightjar_build_info{version=\"0.1.0\"} 1", "nightjar_state{state=\"active\"} 1",
          "nightjar_state{state=\"draining\"} 0", "nightjar_epoch 1234",
          "nightjar_directory_valid_until_timestamp_seconds 1800003600",
          "nightjar_key_expiry_timestamp_seconds{key=\"mix\"} 1800007200",
          "nightjar_expected_loop_rtt_seconds 0.25", "process_max_fds 1024",
          "nightjar_lab_packets_in_total 123456789", "nightjar_lab_held_seconds_total 50.25",
          "nightjar_lab_asked_seconds_total 50", "nightjar_lab_loops_missing 1",
          "nightjar_lab_loop_round_trip_seconds_total 1.5",
          "nightjar_lab_packets_dropped_total{reason=\"replayed\"} 2",
          "nightjar_lab_packets_dropped_total{reason=\"malformed\"} 0"})
        CHECK_MESSAGE(has_line(text, line), line);
}

TEST_CASE("metrics: of withheld packets only the hour is shown") {
    const auto name = std::string{"nightjar_loops_withheld_last_timestamp_seconds "};
    auto shown = facts(false);
    CHECK(has_line(metrics_text(shown, WindowFacts{}, nullptr), name + "0"));
    shown.loops.withheld_at = base::Wall{base::Seconds{1'800'003'599}};
    shown.loops.missing = shown.loops.answers = true;
    const auto text = metrics_text(shown, WindowFacts{}, nullptr);
    CHECK(has_line(text, name + "1800000000"));
    shown.loops.withheld_at = base::Wall{base::Seconds{1'800'000'000}};
    shown.loops.missing = shown.loops.answers = false;
    CHECK(metrics_text(shown, WindowFacts{}, nullptr) == text);
}

TEST_CASE("metrics: the clock's offset in tenths of a second, and none without an authority") {
    const auto name = std::string{"nightjar_clock_offset_seconds"};
    auto shown = facts(false);
    for (const auto& [ahead, text] : {std::pair{0, " 0"},
                                      {49, " 0"},
                                      {51, " 0.1"},
                                      {2349, " 2.3"},
                                      {-549, " -0.5"},
                                      {-49, " 0"}}) {
        shown.clock_ahead = base::Milliseconds{ahead};
        CHECK_MESSAGE(has_line(metrics_text(shown, WindowFacts{}, nullptr), name + text), text);
    }
    shown.clock_ahead.reset();
    CHECK(metrics_text(shown, WindowFacts{}, nullptr).find(name) == std::string::npos);
}

TEST_CASE("metrics: mode=lab exists only in a lab, so that an alert on it is silent elsewhere") {
    const auto lab = busy();
    const std::string mode{
        "nightjar_metrics_policy_info{mode=\"lab\",noise=\"laplace_0.3\",window=\"0s\"} 1"};
    CHECK(has_line(metrics_text(facts(true), WindowFacts{}, &lab), mode));
    CHECK(!has_line(metrics_text(facts(false), WindowFacts{}, nullptr), mode));
}

TEST_CASE("metrics: every static fact has a name of its own") {
    auto told = facts(false);
    told.config_last_reload_success = base::Wall{base::Seconds{1'800'000'100}};
    told.config_last_reload_successful = false;
    auto text = metrics_text(told, WindowFacts{}, nullptr);
    for (const auto* line :
         {"process_start_time_seconds 1800000000",
          "nightjar_config_last_reload_success_timestamp_seconds 1800000100",
          "nightjar_config_last_reload_successful 0", "nightjar_version_recommended 1",
          "nightjar_clock_offset_seconds -12.3",
          "nightjar_selftest_packets_per_second{mode=\"avx2\"} 98700"})
        CHECK_MESSAGE(has_line(text, line), line);
    told.config_last_reload_successful = true;
    told.version_recommended = false;
    text = metrics_text(told, WindowFacts{}, nullptr);
    CHECK(has_line(text, "nightjar_config_last_reload_successful 1"));
    CHECK(has_line(text, "nightjar_version_recommended 0"));
    // Exactly one state is 1, whichever it is.
    for (std::size_t i = 0; i < state_count; ++i) {
        told.state = static_cast<State>(i);
        text = metrics_text(told, WindowFacts{}, nullptr);
        for (std::size_t other = 0; other < state_count; ++other) {
            const auto line = std::string{"nightjar_state{state=\""} + state_names[other] + "\"} " +
                              (other == i ? "1" : "0");
            CHECK_MESSAGE(has_line(text, line), line);
        }
    }
}

TEST_CASE("metrics: every exact value has a name of its own") {
    LabFacts lab;
    auto& c = lab.counters;
    const std::pair<const char*, std::uint64_t*> values[] = {
        {"nightjar_lab_packets_in_total", &c.packets_in},
        {"nightjar_lab_packets_in_client_total", &c.packets_in_client},
        {"nightjar_lab_packets_in_relay_total", &c.packets_in_relay},
        {"nightjar_lab_packets_out_total", &c.packets_out},
        {"nightjar_lab_deliveries_total", &c.deliveries},
        {"nightjar_lab_exit_payloads_total", &c.exit_payloads},
        {"nightjar_lab_replies_total", &c.replies},
        {"nightjar_lab_ticks_missed_total", &c.ticks_missed},
        {"nightjar_lab_loops_sent_total", &c.loops_sent},
        {"nightjar_lab_loops_returned_total", &c.loops_returned},
        {"nightjar_lab_loops_lost_total", &c.loops_lost},
        {"nightjar_lab_down_cells_total", &c.down_cells},
        {"nightjar_lab_held_packets_total", &c.held_packets},
        {"nightjar_lab_unwrap_refused_total", &lab.unwrap_refused},
        {"nightjar_lab_no_descriptors_total", &lab.no_descriptors},
    };
    std::uint64_t n = 1000;
    for (const auto& [name, value] : values)
        *value = ++n;
    for (std::size_t i = 0; i < drop_reason_count; ++i)
        c.dropped[i] = 10 + i;
    const auto text = metrics_text(facts(true), WindowFacts{}, &lab);
    for (const auto& [name, value] : values)
        CHECK_MESSAGE(has_line(text, name + (" " + std::to_string(*value))), name);
    for (std::size_t i = 0; i < drop_reason_count; ++i) {
        const auto line = std::string{"nightjar_lab_packets_dropped_total{reason=\""} +
                          drop_reason_names[i] + "\"} " + std::to_string(10 + i);
        CHECK_MESSAGE(has_line(text, line), line);
    }
}
