// Whether the client answers "connected" before the exit has connected. Then the application's
// request travels with the OPEN, and its first byte takes one round trip in place of two. In
// exchange an error of the exit ends the connection by a reset, in place of a reply code
// (docs/client.md).
#pragma once

#include <cstdint>

namespace nightjar::client::protocol {

enum class EarlySuccess : std::uint8_t {
    never,
    web,  // to ports 80 and 443, where the client speaks first
    always,
};

inline bool answers_early(EarlySuccess when, std::uint16_t port) {
    return when == EarlySuccess::always ||
           (when == EarlySuccess::web && (port == 80 || port == 443));
}

}  // namespace nightjar::client::protocol
