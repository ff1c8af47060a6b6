// The OpenMetrics form of a scrape, for readers that ask for it (OpenMetrics 1.0.0). Pure; any
// thread.
#pragma once

#include <string>
#include <string_view>

namespace nightjar::node::scrape {

/// True if the value of an Accept header prefers OpenMetrics to Prometheus' text format, or takes
/// both alike. Anything that cannot be read counts as not asked for.
bool prefers_open_metrics(std::string_view accept);

/// `text` in Prometheus' format, whose counters end in _total and whose help has no quotes.
std::string to_open_metrics(std::string_view text);

}  // namespace nightjar::node::scrape
