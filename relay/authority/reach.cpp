#include "relay/authority/reach.hpp"

#include <algorithm>

#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::authority {

using node::process::Level;
using node::process::log;

bool Reach::look(const Archive& archive, const Described& described, base::Wall now) {
    const auto current = directory::epoch_at(now, length_);
    if (current != listed_ && archive.signed_epochs().contains(current)) {
        listed_ = current;  // also if it cannot be read: the caller has more to do
        const auto document = directory::parse(archive.document(current).value());
        if (document) tries_.list(*document, described(current), now, random_);
    }
    auto stated = tries_.stated();
    if (stated == stated_) return false;
    for (const auto& relay : stated)
        if (const auto since = tries_.unreachable_since(relay); since && !stated_.contains(relay))
            log(Level::warning, "the relay " + base::to_hex(relay.bytes) +
                                    " cannot be reached at its addresses, since " +
                                    base::utc_text(*since));
    for (const auto& relay : stated_)
        if (!stated.contains(relay))
            log(Level::info, "the relay " + base::to_hex(relay.bytes) +
                                 " is no longer stated to be unreachable");
    stated_ = std::move(stated);
    return true;
}

void Reach::hear(std::string_view descriptor) {
    // To parse one takes milliseconds, and most are of relays that are listed.
    const auto names = [&](const base::NodeId& relay) {
        return tries_.tries_unlisted(relay) &&
               descriptor.find(base::to_hex(relay.bytes)) != descriptor.npos;
    };
    if (std::none_of(stated_.begin(), stated_.end(), names)) return;
    if (const auto parsed = directory::parse_descriptor(descriptor)) tries_.move(*parsed);
}

std::string Reach::remark(const base::NodeId& relay) const {
    const auto since = tries_.unreachable_since(relay);
    if (!since) return {};
    return "; but this authority cannot reach the relay at its addresses, since " +
           base::utc_text(*since) +
           ": check its firewall and the addresses in relay.yaml; a restart at the same addresses "
           "may "
           "cost " +
           std::to_string(core::epochs_unlisted) + " epochs";
}

}  // namespace nightjar::relay::authority
