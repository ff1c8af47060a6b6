// The log of the process: start, stop, configuration, an hourly heartbeat. Nothing per packet, per
// connection or per client; no addresses but the operator's own, no keys (docs/metrics.md R10).
// Lines that a peer may cause are bounded (LogLimit).
// To stderr: with the <n> priority prefix if journald reads it, otherwise with a time in seconds.
#pragma once

#include <source_location>
#include <string_view>

namespace nightjar::node::process {

enum class Level { error = 3, warning = 4, info = 6, debug = 7 };

/// Thread-safe. Each call in the source may write LogLimit::burst lines in a row, then one a
/// minute. Further ones are left out and counted; the next line of any place after that minute
/// brings the count. `place` is the caller's.
void log(Level level, std::string_view message,
         std::source_location place = std::source_location::current());
/// Writes what was left out and is not written yet. run_main() calls it.
void log_left_out();
void set_log_level(Level level);

}  // namespace nightjar::node::process
