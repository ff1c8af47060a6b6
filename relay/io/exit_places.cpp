#include "relay/io/exit_places.hpp"

namespace nightjar::relay::io {

std::optional<ExitPlaces::Grant> ExitPlaces::take(const base::SessionId& session) {
    const auto found = holders_.find(session);
    const auto held = found == holders_.end() ? 0 : found->second.places;
    if (held >= limits_.per_session_max) return std::nullopt;
    Grant grant;
    if (taken_ >= limits_.places_max) {
        const auto* loser = shares_.loser(sessions_.paid(session), static_cast<double>(held + 1));
        if (loser == nullptr) return std::nullopt;
        grant.loser = loser->name;
    }
    const auto [at, added] = holders_.try_emplace(session, sessions_, session);
    if (added) shares_.enter(at->second);
    ++at->second.places;
    ++taken_;
    shares_.changed(at->second);
    return grant;
}

void ExitPlaces::give_back(const base::SessionId& session) {
    const auto at = holders_.find(session);
    --taken_;
    if (--at->second.places > 0) return;
    shares_.leave(at->second);
    holders_.erase(at);
}

}  // namespace nightjar::relay::io
