#include "tests/lab/sessions/flows.hpp"

#include <algorithm>
#include <cmath>

#include "sphinx/stream/header.hpp"

namespace nightjar::lab::sessions {
namespace {

std::uint32_t ms_of(float seconds) {
    return static_cast<std::uint32_t>(std::lround(static_cast<double>(seconds) * 1000));
}

bool any_within(const Moments& moments, std::uint32_t from, std::uint32_t to) {
    const auto one = std::lower_bound(moments.begin(), moments.end(), from);
    return one != moments.end() && *one < to;
}

}  // namespace

FlowRecorder::FlowRecorder(attacks::CrowdOptions& options) : clients_(options.clients) {
    options.traces = false;
    options.on_slot = [this](unsigned client, float at) {
        clients_[client].slots.push_back(ms_of(at));
    };
    options.on_delivery = [this](unsigned client, float at) {
        clients_[client].deliveries.push_back(ms_of(at));
    };
    options.on_exit = [this](const attacks::Plaintext& packet) {
        const auto id = *base::SessionId::from(packet.message.first(base::SessionId::size()));
        auto& session = sessions_[id];
        session.client = packet.client;
        session.exit = packet.exit;
        session.arrivals.push_back(ms_of(packet.at));
    };
    options.on_reply = [this](const attacks::Reply& reply) {
        sessions_[reply.session].replies.push_back(ms_of(reply.at));
    };
}

std::vector<SessionFlow> FlowRecorder::sessions(std::uint32_t from, std::uint32_t to) const {
    std::vector<SessionFlow> found;
    for (const auto& [id, session] : sessions_)
        if (any_within(session.arrivals, from, from + 1000) &&
            any_within(session.arrivals, to - 1000, to))
            found.push_back(session);
    return found;
}

}  // namespace nightjar::lab::sessions
