#include "relay/authority/reach.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::authority {

using node::process::Level;
using node::process::log;

bool Reach::look(const Archive& archive, const Described& described, base::Wall now) {
    const auto current = directory::epoch_at(now, length_);
    if (current != listed_ && archive.signed_epochs().contains(current)) {
        listed_ = current;  // also if it cannot be read: the caller has more to do
        auto document = directory::parse(archive.document(current).value());
        if (document) {
            const auto have_sent = described(current);
            tries_.list(*document, have_sent, now, random_);
            follow_losing(*document, have_sent);
            document_ = std::make_shared<const directory::Document>(*std::move(document));
        }
    }
    auto stated = all_stated();
    if (stated == stated_) return false;
    for (const auto& relay : stated)
        if (!stated_.contains(relay))
            log(Level::warning, "the relay " + base::to_hex(relay.bytes) + " " + reason(relay));
    for (const auto& relay : stated_)
        if (!stated.contains(relay))
            log(Level::info, "the relay " + base::to_hex(relay.bytes) +
                                 " is no longer stated to be unreachable or to lose packets");
    stated_ = std::move(stated);
    return true;
}

std::set<base::NodeId> Reach::all_stated() const {
    auto all = tries_.stated();
    for (const auto& [relay, losing] : losing_)
        all.insert(relay);
    return all;
}

/// Why a relay is stated: a clause for the log.
std::string Reach::reason(const base::NodeId& relay) const {
    if (const auto since = tries_.unreachable_since(relay))
        return "cannot be reached at its addresses, since " + base::utc_text(*since);
    const auto& [loss, since, unlisted] = losing_.at(relay);
    return "loses " + std::to_string(std::lround(100 * loss.share)) + " % of the packets in " +
           std::to_string(loss.loops) + " loops of this authority through it, since " +
           base::utc_text(since);
}

void Reach::follow_losing(const directory::Document& document,
                          const std::set<base::NodeId>& described) {
    for (auto& [relay, losing] : losing_) {
        if (document.find(relay) != nullptr)
            losing.unlisted.reset();
        else if (!losing.unlisted)
            losing.unlisted = document.epoch;
    }
    std::erase_if(losing_, [&](const auto& held) {
        const auto& [relay, losing] = held;
        if (!losing.unlisted) return false;
        const bool over = !described.contains(relay) ||
                          document.epoch.value >= losing.unlisted->value + core::epochs_unlisted;
        if (over) losses_.forget(relay);
        return over;
    });
}

void Reach::swept(const directory::Document& document,
                  const std::map<base::NodeId, core::LoopLosses::Loss>& found, base::Wall now) {
    std::erase_if(losing_, [&](const auto& held) {
        return document.find(held.first) != nullptr && !found.contains(held.first);
    });
    for (const auto& [relay, loss] : found)
        losing_.try_emplace(relay, Losing{loss, now, {}}).first->second.loss = loss;
}

std::shared_ptr<const directory::Document> Reach::document(base::Wall now) const {
    return document_ && now < document_->valid_until ? document_ : nullptr;
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
    if (!since && losing_.contains(relay))
        return "; but the relay " + reason(relay) +
               ": look at its load, its clock and its links; if it is left out, it is tried again "
               "after " +
               std::to_string(core::epochs_unlisted) + " epochs";
    if (!since) return {};
    return "; but this authority cannot reach the relay at its addresses, since " +
           base::utc_text(*since) +
           ": check its firewall and the addresses in relay.yaml; a restart at the same addresses "
           "may "
           "cost " +
           std::to_string(core::epochs_unlisted) + " epochs";
}

}  // namespace nightjar::relay::authority
