// What a daemon says to the service manager that started it (systemd; sd_notify(3)). Each message
// is one datagram to the unix socket that NOTIFY_SOCKET names. Without that variable nothing is
// sent, and an error is ignored: a manager that does not listen must not stop a relay. Any thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string_view>

#include "sphinx/base/time.hpp"

namespace nightjar::node::process {

/// The start or a reload is over. `status` is one line for `systemctl status`; empty: the last one
/// stays.
void notify_ready(std::string_view status = {});
/// A new line for `systemctl status`.
void notify_status(std::string_view status);
/// The configuration is being read again; notify_ready() must follow.
void notify_reloading();
/// The orderly end has begun.
void notify_stopping();

/// How long the manager waits for a sign of life before it kills the process (WATCHDOG_USEC), or
/// nullopt if it does not watch this process.
std::optional<base::Nanoseconds> watchdog_timeout();

/// Sends a sign of life four times within the watchdog's time, from the thread that runs this task,
/// as long as `alive` returns true. `alive` may be empty. Returns at once if nothing watches this
/// process, and when the task is cancelled.
boost::asio::awaitable<void> feed_watchdog(std::function<bool()> alive);

}  // namespace nightjar::node::process
