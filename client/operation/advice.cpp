#include "client/operation/advice.hpp"

namespace nightjar::client::operation {

using node::link::LinkError;
using protocol::Problem;

namespace {

Problem problem_of(LinkError failure) {
    switch (failure) {
        case LinkError::unreachable:
            return {"unreachable", "the gateway's address cannot be reached",
                    "see whether this machine is online, and whether a firewall allows the "
                    "gateway's port; the client tries again by itself"};
        case LinkError::handshake:
        case LinkError::bad_hello:
            return {
                "captive-portal", "what answers at the gateway's address is not the gateway",
                "this network may ask for a sign-in: open its login page in a browser that does "
                "not use Nightjar; the client tries again by itself"};
        case LinkError::timed_out:
        case LinkError::silent:
        case LinkError::stuck:
            return {"no-answer", "the gateway does not answer",
                    "this network may drop packets, or the gateway is down; the client tries again "
                    "by itself"};
        case LinkError::bad_cell:
        case LinkError::closed:
        case LinkError::abuse:
            return {"link-ended", "the gateway ended the link",
                    "it may be starting again; the client tries again by itself"};
    }
    return {};
}

Problem no_document(const std::string& waiting_for) {
    if (waiting_for.find("set the clock") != waiting_for.npos)
        return {"clock", waiting_for, "set this machine's clock, by NTP if you can"};
    return {"no-document", waiting_for,
            "see whether this machine is online; if a sign-in is needed, open the network's login "
            "page in a browser that does not use Nightjar; the client tries again by itself"};
}

Problem gone(base::Nanoseconds away) {
    const auto hours = std::chrono::duration_cast<std::chrono::hours>(away).count();
    return {
        "gateway-gone", "the gateway has been away for " + std::to_string(hours) + " h",
        "the client keeps its gateway for weeks on purpose, so wait if you can; to draw another "
        "one, stop the client, remove gateway.yaml in its state_dir, and start it"};
}

std::optional<Problem> suspended(const Situation& situation) {
    const auto& suspend = situation.suspend;
    if (!suspend || situation.now - suspend->ended > suspend_shown) return std::nullopt;
    const auto seconds =
        std::to_string(std::chrono::duration_cast<base::Seconds>(suspend->length).count());
    const bool survived = suspend->length < suspend_survived;
    return Problem{"suspended", "this machine, or the client, stood still for " + seconds + " s",
                   survived ? "nothing to do: connections go on"
                            : "connections of before have ended; programs connect again"};
}

}  // namespace

std::optional<Problem> problem_in(const Situation& situation) {
    if (!situation.has_document) {
        // Until the first attempt has failed there is nothing to say.
        if (situation.waiting_for == first_step) return std::nullopt;
        return no_document(situation.waiting_for);
    }
    if (situation.conflict) {
        return Problem{
            "two-documents",
            "the network's authorities have signed two different documents of one epoch",
            "both are in the folder `evidence` of state_dir: show them to the people who "
            "run the network; the client goes on with the first"};
    }
    if (const auto& fault = situation.exit_country_fault) {
        return Problem{"exit-country", *fault,
                       "no session begins: choose another `exit_country` in client.yaml, or remove "
                       "it, and restart the client"};
    }
    if (!situation.link_is_up) {
        const auto away =
            situation.down_since ? situation.now - *situation.down_since : base::Nanoseconds{0};
        if (away >= gateway_gone_after) return gone(away);
        if (situation.failure) return problem_of(*situation.failure);
        return std::nullopt;
    }
    if (situation.loops == core::LoopState::Kind::silent) {
        return Problem{"silent", "the link is up, but nothing comes back over it",
                       "the gateway or the network between may be overloaded; connections wait"};
    }
    if (situation.loops == core::LoopState::Kind::missing) {
        return Problem{"packets-missing", "more packets are missing than ordinary loss explains",
                       "a relay may be down or overloaded, or packets are dropped on purpose; "
                       "connections are slower"};
    }
    if (auto problem = suspended(situation)) return problem;
    if (situation.gateway_missing) {
        return Problem{"gateway-left", "the newest network document does not list the gateway",
                       "nothing to do: it may be back in the next one; else the client draws "
                       "another gateway when the document that it uses ends"};
    }
    // Newer documents come in the second half of an epoch.
    if (situation.document_left < situation.epoch_length / 8) {
        return Problem{"document-ends", "the network document ends soon, and no newer one has come",
                       "nothing to do here: the network's authorities must publish one"};
    }
    if (situation.document_withheld) {
        return Problem{
            "document-withheld",
            "the gateway did not send the newest network document; another one did",
            "nothing to do: the client goes on. If it lasts for days, the gateway is out "
            "of order or holds documents back: to draw another one, stop the client, "
            "remove gateway.yaml in its state_dir, and start it"};
    }
    return std::nullopt;
}

}  // namespace nightjar::client::operation
