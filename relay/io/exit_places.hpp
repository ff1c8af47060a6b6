// The places of one of an exit's pools, connections or lookups: which session may take one, and
// which loses one when all are taken. A session is named by its streams' name, so a handover brings
// no further places. I/O thread only.
#pragma once

#include <map>
#include <optional>

#include "relay/core/exit_sessions.hpp"
#include "sphinx/base/paid_shares.hpp"

namespace nightjar::relay::io {

struct PlaceLimits {
    std::size_t places_max;       // over all sessions
    std::size_t per_session_max;  // a client that keeps to the protocol never reaches it
};

class ExitPlaces {
 public:
    /// `sessions` must outlive this object.
    ExitPlaces(core::ExitSessions& sessions, PlaceLimits limits)
        : sessions_{sessions}, limits_{limits} {}

    struct Grant {
        std::optional<base::SessionId> loser;  // gives a place back at once
    };
    /// Decides about one more place of a session. nullopt: it is refused. Otherwise it is taken.
    /// Where all places are taken, the session that has paid least for its places loses one.
    std::optional<Grant> take(const base::SessionId& session);
    /// Precondition: the session has a place.
    void give_back(const base::SessionId& session);

 private:
    struct Holder {
        Holder(core::ExitSessions& of, const base::SessionId& session)
            : sessions{of}, name{session} {}
        base::Paid paid() const { return sessions.paid(name); }
        double held() const { return static_cast<double>(places); }

        core::ExitSessions& sessions;
        const base::SessionId name;
        std::size_t places = 0;
        base::PaidShares<Holder>::Handle share = 0;
    };

    core::ExitSessions& sessions_;
    PlaceLimits limits_;
    std::map<base::SessionId, Holder> holders_;  // of at least one place
    base::PaidShares<Holder> shares_;
    std::size_t taken_ = 0;
};

}  // namespace nightjar::relay::io
