// `nightjar telegram`: the link that makes Telegram use this client, and what stays visible then.
// Pure.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "client/protocol/listener_options.hpp"

namespace nightjar::client::protocol {

/// The text, whose first line is the link. It names the first proxy listener that has a TCP port
/// of its own; nullopt if there is none, because a link can name neither a unix socket nor a port
/// that is chosen at each start.
std::optional<std::string> telegram_text(std::span<const ListenerOptions> listeners);

}  // namespace nightjar::client::protocol
