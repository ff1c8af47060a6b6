// The process's own log: start, stop, configuration, an hourly heartbeat. Nothing per packet, per
// connection or per client; no addresses, no keys (docs/metrics.md R10). Lines go to stderr, with
// the <n> priority prefix where journald listens, and with stamps of whole seconds.
#pragma once

#include <string_view>

namespace nightjar::node {

enum class Level { error = 3, warning = 4, info = 6, debug = 7 };

/// Safe from any thread.
void log(Level level, std::string_view message);
void set_log_level(Level level);

}  // namespace nightjar::node
