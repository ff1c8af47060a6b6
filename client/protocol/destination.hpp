// Where an application wants to go, as far as the client judges it before an exit sees it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sphinx/base/ip.hpp"

namespace nightjar::client::protocol {

struct Destination {
    std::string host;        // a host name, or a literal address in its canonical spelling
    bool is_public = false;  // false: no exit may be asked for it, outside of a lab
};

/// Empty if the text is neither a literal address nor a host name.
std::optional<Destination> destination_of(std::string_view text);
Destination destination_of(const base::IpAddress& address);

}  // namespace nightjar::client::protocol
