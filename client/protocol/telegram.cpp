#include "client/protocol/telegram.hpp"

#include <algorithm>
#include <string_view>

namespace nightjar::client::protocol {

namespace {

constexpr std::string_view explanation = R"(
Open this link on this machine and confirm it in Telegram.

Hidden: your address from Telegram, and Telegram from your provider.

Still visible:
- Telegram knows your account, your telephone number and contacts, when you are online, and
  whom you write to. It can read all chats but secret ones.
- The exit sees that one of its clients uses Telegram, when, and how much. It knows that other
  programs of the same session belong to the same client.
- Your provider and your gateway see that you use Nightjar.

Calls do not work: they need UDP. Set Privacy and Security > Calls > Peer-to-Peer to Nobody, because
such a call shows your address to the other side, whatever the proxy.
)";

constexpr std::string_view own_session = R"(
For a session of its own add &user=telegram&pass=x to the link. Then the exit cannot tell that
Telegram and your other programs belong to one client. But every one to two hours the session ends
and all its connections are reset; Telegram connects again.
)";

bool can_be_named(const ListenerOptions& listener) {
    return listener.way == ListenerOptions::Way::proxy && listener.path.empty() &&
           listener.endpoint.port != 0;
}

/// An address to connect to. A listener on all addresses is at loopback, too.
std::string reachable(const std::string& host) {
    if (host == "0.0.0.0") return "127.0.0.1";
    if (host == "::") return "::1";
    return host;
}

}  // namespace

std::optional<std::string> telegram_text(std::span<const ListenerOptions> listeners) {
    const auto found = std::ranges::find_if(listeners, can_be_named);
    if (found == listeners.end()) return std::nullopt;
    std::string text = "tg://socks?server=" + reachable(found->endpoint.host) +
                       "&port=" + std::to_string(found->endpoint.port) + "\n";
    text += explanation;
    if (found->by_credentials) text += own_session;
    return text;
}

}  // namespace nightjar::client::protocol
