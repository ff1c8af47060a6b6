// The log of the process: start, stop, configuration, an hourly heartbeat. Nothing per packet, per
// connection or per client; no addresses but the operator's own, no keys (docs/metrics.md R10).
// To stderr: with the <n> priority prefix if journald reads it, otherwise with a time in seconds.
#pragma once

#include <string_view>

namespace nightjar::node::process {

enum class Level { error = 3, warning = 4, info = 6, debug = 7 };

/// Thread-safe.
void log(Level level, std::string_view message);
void set_log_level(Level level);

}  // namespace nightjar::node::process
