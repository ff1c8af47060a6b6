// One exit session at the exit (docs/traffic-law.md section 2): what its packets bring, and what
// each reply carries. On every tick of its pace it spends one SURB: for data if some is queued,
// else for cover, whatever the applications do.
//
//                       schedule with a pace
//   first packet ─> idle ────────────────────> ticking ──┐ each tick at due(): a reply,
//                    ^                         │   ^     │ or missed (late, no usable SURB)
//                    └───── pace 0 ────────────┘   └─────┘
//
// Both states last until `exit_sessions` calls end(): the session was silent for too long, gave its
// place to a new one, or used the most memory when there was too much.
//
// Pure; one thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "relay/core/exit_streams.hpp"
#include "relay/core/reply_pace.hpp"
#include "relay/core/surb_stock.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/stream/beat.hpp"
#include "sphinx/stream/header.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::relay::core {

/// Names one stream.
struct StreamRef {
    base::SessionId session;  // the one that began it; others may carry it by now
    stream::StreamId stream = 0;
    auto operator<=>(const StreamRef&) const = default;
};

struct ExitEvent {
    base::SessionId session;
    stream::Event event;
};

/// Seals a message with a SURB. The default is packet::use_surb; a simulation without cryptography
/// passes its own implementation.
struct ReplySealer {
    virtual ~ReplySealer() = default;
    /// Writes the reply (packet_size bytes) and returns its first hop; nullopt if the SURB is
    /// unusable.
    virtual std::optional<base::NodeId> seal(base::ByteView surb, base::ByteView message,
                                             base::ByteSpan packet);
};

/// What all sessions of one exit share. The referenced objects must outlive the call.
struct ExitContext {
    const directory::Parameters& parameters;
    ReplySealer& sealer;
    const stream::Beat& beat;  // that has been told the time
    std::size_t surbs_max;     // ExitLimits::surbs_max
};

class ExitSession {
 public:
    static constexpr base::Seconds answered_for{10};

    struct Reply {
        base::NodeId first_hop;  // chosen by the client: the caller must check it
        cell::CellBox cell;
    };

    /// `incarnation`: not zero; distinguishes this object from others of the same id, before and
    /// after it.
    ExitSession(const base::SessionId& id, std::uint32_t incarnation,
                const directory::Parameters& parameters, const stream::MuxLimits& limits);
    ExitSession(const ExitSession&) = delete;
    ExitSession& operator=(const ExitSession&) = delete;

    /// Handles a JOIN of this session. `named`: the session whose id is in the token; nullptr if
    /// there is none. This session carries the streams of that one too, if the token proves that
    /// the client knows its incarnation, no other live session has joined it, this one has had no
    /// streams that it or another session carries, and there are not too many carriers. The next
    /// reply says whether it does. The same JOIN again gets the same answer, another one gets no.
    void on_join(const stream::JoinToken& token, ExitSession* named, base::Mono now);

    /// Handles a packet of this session: its schedule, SURBs, acks and frames. Does nothing if it
    /// was here before. Preconditions: `header` and `frames` were decoded from `message`; `now`
    /// never decreases.
    void receive(const stream::UpHeader& header, base::ByteView message,
                 const stream::CheckedFrames& frames, base::Mono now, const ExitContext& context);

    /// The time of the next tick; Mono::max() while idle.
    base::Mono due() const { return pace_.due(); }
    /// Makes the tick at due(), which may be ahead. nullopt: the tick is missed, because no SURB is
    /// usable at `wall`, or because it was due more than lateness_max ago; then the SURB is kept. A
    /// missed tick takes a number too. Precondition: due() is not Mono::max().
    std::optional<Reply> tick(base::Mono now, base::Wall wall, const ExitContext& context);
    /// The pace in force at the last packet or tick.
    directory::Rate pace() const { return in_force_; }
    /// One of its ticks was answered, and not longer than answered_for ago. A session without SURBs
    /// sends nothing, whatever pace it asks for.
    bool answered() const { return answered_.has_value(); }
    /// Discards the tick at due() and starts the pace again at `now`: the exit was suspended.
    void restart(base::Mono now, const ExitContext& context);

    /// Carries its streams no more. If no other session does, resets every stream with `reason`,
    /// and appends the events that follow. The last call.
    void end(stream::ResetReason reason, std::vector<ExitEvent>& out);
    /// Appends the events since the last call.
    void take_events(std::vector<ExitEvent>& out);

    const base::SessionId& id() const { return id_; }
    base::Mono heard() const { return heard_; }  // when the last packet arrived
    std::size_t stock() const { return surbs_.size(); }
    /// The bytes that ExitLimits::memory_max limits, without those of the streams.
    std::size_t memory() const { return surbs_.bytes(); }
    /// For the application's side of the streams.
    stream::Mux& streams() { return streams_->mux; }
    const std::shared_ptr<ExitStreams>& carried() const { return streams_; }

 private:
    void store_surbs(const stream::UpHeader& header, base::ByteView message,
                     const ExitContext& context);
    std::optional<Reply> answer(const StoredSurb& surb, base::Mono now, const ExitContext& context);
    std::size_t write_joined(base::ByteSpan room);
    void expire(base::Mono now);
    stream::JoinToken join_token() const;
    bool has_successor(base::Mono now) const;

    const base::SessionId id_;
    const std::uint32_t incarnation_;
    std::shared_ptr<ExitStreams> streams_;
    std::uint32_t carrier_;                        // this session's number among those of streams_
    std::optional<stream::JoinToken> join_asked_;  // by its first JOIN
    bool join_granted_ = false;                    // it carries the streams of that session too
    std::uint32_t successor_ = 0;   // the number of the session that has joined this one
    std::optional<bool> may_join_;  // the answer to give
    stream::SentLog sent_;
    stream::ArrivedLog arrived_;
    ReplyPace pace_;
    directory::Rate in_force_;
    SurbStock surbs_;
    base::Mono heard_{};
    std::optional<base::Mono> answered_;  // the last tick that was, if not too long ago
};

}  // namespace nightjar::relay::core
