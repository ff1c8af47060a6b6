// The streams of a client at one exit, and the sessions that carry them (docs/stream.md). A session
// begins with streams of its own. A later session of the same client may join them, so they last
// until the last of these sessions has ended. All their sessions together have the bounds of one.
//
// Pure; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "relay/core/name_answers.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/paid_shares.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::relay::core {

class ExitSession;

/// Sessions that carry the same streams at one time. An honest client has three: one that is
/// closing, one that lingers, and the main one.
inline constexpr std::size_t carriers_max = 4;

struct ExitStreams {
    ExitStreams(const base::SessionId& began, const stream::MuxLimits& limits)
        : name{began}, mux{stream::Side::exit, limits} {}
    ExitStreams(const ExitStreams&) = delete;
    ExitStreams& operator=(const ExitStreams&) = delete;

    std::size_t memory() const { return mux.memory() + names.memory(); }
    base::Paid paid() const { return packets; }
    double held() const { return static_cast<double>(bytes); }

    const base::SessionId name;  // of the session that began them; it may have ended
    stream::Mux mux;
    NameAnswers names;  // what their name lookups have found
    std::vector<ExitSession*> carriers;
    std::uint32_t last_carrier = 0;  // sessions are numbered as they come, from 1
    base::Paid packets;              // of all carriers
    std::size_t bytes = 0;           // what the streams and their carriers hold
    base::PaidShares<ExitStreams>::Handle share = 0;
};

}  // namespace nightjar::relay::core
