#include "relay/authority/door.hpp"

#include "relay/authority/core/open_places.hpp"

namespace nightjar::relay::authority {

std::string door_fault(const directory::Relay& relay, const base::IpAddress& from) {
    const auto prefix = core::open_prefix(relay);
    if (!prefix)
        return "no operator has admitted this relay, and an open relay has all its addresses in "
               "one IPv4 /24 or IPv6 /48: announce fewer, or ask an operator to admit it";
    if (*prefix != core::open_prefix(from))
        return "no operator has admitted this relay, and an open relay sends its descriptor "
               "from the IPv4 /24 or IPv6 /48 of its addresses: this one came from " +
               from.to_text();
    return {};
}

}  // namespace nightjar::relay::authority
