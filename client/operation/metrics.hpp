// What a client shows to a Prometheus on the same machine (docs/client.md, "Metrics"): static
// facts, and whether the client is connected. Nothing here follows from what applications do, or
// counts packets. Pure functions; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"

namespace nightjar::client::operation {

struct MetricsFacts {
    std::string_view version;
    base::Wall process_start{};
    std::string_view state;         // one word: starting, ready or offline
    bool link_up = false;           // to the gateway
    std::string_view problem = {};  // one word of docs/client.md, "When it does not work", or empty
    /// Epoch and end of the document in use. Empty: the client has none.
    std::optional<base::Epoch> epoch = {};
    std::optional<base::Wall> valid_until = {};
    /// Whether something keeps this machine's clock right. Empty: not known yet.
    std::optional<bool> clock_synchronised = {};
};

/// One declaration for each metric. All are gauges.
struct DeclaredMetric {
    std::string_view name;
    std::string_view label;  // empty: none
    std::string_view help;
};
inline constexpr std::array declared_metrics{
    DeclaredMetric{"nightjar_client_build_info", "version",
                   "The version of the program; always 1."},
    DeclaredMetric{"nightjar_client_state", "state", "1 for the state that the client is in."},
    DeclaredMetric{"nightjar_client_link_up", "", "1 while the link to the gateway is up."},
    DeclaredMetric{"nightjar_client_problem", "problem",
                   "1 for what is wrong now; no sample if nothing is."},
    DeclaredMetric{"nightjar_client_epoch", "", "The epoch of the network document in use."},
    DeclaredMetric{"nightjar_client_directory_valid_until_timestamp_seconds", "",
                   "When the network document in use ends."},
    DeclaredMetric{"nightjar_client_clock_synchronised", "",
                   "1 if the kernel says that something keeps the clock right."},
    DeclaredMetric{"process_start_time_seconds", "", "When the process started."},
};

/// A scrape in Prometheus' text format: the declared metrics in their order, without those that
/// have no value now.
std::string metrics_text(const MetricsFacts& facts);
/// The rows of the table in docs/client.md.
std::string metrics_rows();

}  // namespace nightjar::client::operation
