// One listener, of client.yaml or of the control socket: where applications come in, and what
// separates them (docs/client.md). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sphinx/base/ip.hpp"
#include "sphinx/directory/endpoint.hpp"

namespace nightjar::client::protocol {

struct ListenerOptions {
    enum class Way {
        proxy,        // SOCKS5 and HTTP CONNECT
        dns,          // UDP and TCP
        transparent,  // TCP connections that the kernel redirects
    };
    Way way = Way::proxy;
    directory::Endpoint endpoint{};  // port 0: any free one
    std::string path = {};           // not empty: a unix socket instead of `endpoint`
    bool all_users = false;          // unix sockets: other users of the machine may connect
    // What isolates. Two applications with equal keys share an exit session.
    bool by_credentials = true;
    bool by_user = true;       // unix sockets: each user but the client's own has a key
    bool by_listener = false;  // all that comes in here has a key of its own
    bool extended_errors = false;
    /// Not 0: opened while the client runs. Two that have one address in turn share no key.
    std::uint64_t number = 0;
    /// DNS: names get addresses of this range, which stand for them on transparent listeners.
    std::optional<base::IpNetwork> map = std::nullopt;
};

/// The word of client.yaml for a way in.
inline const char* word_of(ListenerOptions::Way way) {
    switch (way) {
        case ListenerOptions::Way::dns:
            return "dns";
        case ListenerOptions::Way::transparent:
            return "transparent";
        case ListenerOptions::Way::proxy:
            break;
    }
    return "proxy";
}

/// What stands for the listener in isolation keys. `address`: with the port that was taken.
inline std::string name_in_keys(const std::string& address, std::uint64_t number) {
    return number == 0 ? address : address + " #" + std::to_string(number);
}

}  // namespace nightjar::client::protocol
