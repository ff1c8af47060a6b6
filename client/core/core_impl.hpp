// Core's private members. Only core*.cpp include this header.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/core/core.hpp"
#include "client/core/epoch_switch.hpp"
#include "client/core/exit_silence.hpp"
#include "client/core/guards.hpp"
#include "client/core/identity.hpp"
#include "client/core/isolation.hpp"
#include "client/core/loop_watch.hpp"
#include "client/core/network_clock.hpp"
#include "client/core/sealer.hpp"
#include "client/core/session.hpp"
#include "client/core/session_plan.hpp"
#include "client/core/slot_shares.hpp"
#include "client/core/surb_supply.hpp"
#include "client/core/traffic_law.hpp"

namespace nightjar::client::core {

/// Bounds the memory for one session's outstanding SURBs, and for the loops. Each takes about 400
/// bytes, at most twice that with the table's spare capacity.
inline constexpr std::size_t outstanding_per_session_max = 16'384;
/// A link interruption of at most this length ends no session. An exit keeps a silent session for
/// 130 s (relay/core/exit_sessions.hpp), so this is shorter.
inline constexpr base::Seconds resume_within{120};
/// After a longer one an exit may not have heard of a change of pace in time.
inline constexpr base::Seconds heard_within{4};
/// Sessions in a row that the shared session's place has at one exit: its exit term, drawn
/// uniformly. Streams can outlive their session within a term. Each client draws its own terms, so
/// clients that came together do not change their exits together.
inline constexpr std::uint64_t exit_term_min = 4;
inline constexpr std::uint64_t exit_term_max = 12;
inline constexpr std::size_t streams_max = 1024;
inline constexpr std::size_t waiting_max = 512;  // streams that wait for a place
/// A session that was answered this lately shows that its exit and its kept mix are up.
inline constexpr base::Seconds answered_lately{3};
/// Interval at which loops that have not come back are counted as lost.
inline constexpr base::Milliseconds count_loops_every{100};

struct Core::Impl final : PlanHost {
    /// Streams at one exit. One session carries them, or several do at once.
    struct Bundle {
        explicit Bundle(const stream::MuxLimits& limits) : mux{stream::Side::client, limits} {}
        stream::Mux mux;
        std::map<stream::StreamId, StreamRef> streams;
    };
    using BundlePtr = std::shared_ptr<Bundle>;
    struct Stream {
        BundlePtr bundle;  // nullptr: it waits, or its last session has ended
        stream::StreamId id = 0;
        IsolationKeys::Use key;  // nullptr: a stream without an isolation key
        bool waits = false;      // for a place in its session, which is none yet
        bool sent_all = false;   // finish() was called
        bool read_all = false;   // `finished` was reported, or stop() was called
        /// What the stream held unread when its session ended; its end is reported behind it.
        base::Bytes rest;
        std::size_t rest_read = 0;
        bool rest_complete = false;  // it ends with the target's last byte
    };
    struct SessionEntry {
        SessionEntry(std::unique_ptr<Session> with, BundlePtr of, base::Mono begun)
            : session{std::move(with)}, bundle{std::move(of)}, silence{begun} {}
        std::unique_ptr<Session> session;
        BundlePtr bundle;
        ExitSilence silence;
        bool blamed = false;   // `guards` knows that it failed
        SessionHandle term{};  // the first of the sessions that its key has had at this exit
    };

    struct Waiting {
        StreamRef stream;
        IsolationKey key;
        stream::Target target;
    };

    Impl(const std::shared_ptr<const directory::Document>& document, base::MailboxId self,
         base::NodeId gateway, base::Random& random, base::Mono now,
         std::unique_ptr<Sealer> sealer);

    // --- core.cpp: the traffic law ---
    void use(std::shared_ptr<const directory::Document> newer);
    void connected(base::Mono now, base::Wall wall);
    void resume(SessionEntry& live, base::Mono first_slot, base::Nanoseconds away);
    void prepare(base::Mono now, base::Wall wall);
    void take_back_unsent();
    SlotPacket make(const Slot& slot);
    SlotPacket make_loop(const Slot& slot);
    /// A packet to an exit that ignores it.
    SlotPacket make_filler(const Slot& slot);
    void on_loop(const Expected& expected, base::ByteView payload, base::Mono now);
    void on_delivery(const cell::Cell& cell, base::Mono now);
    void on_reply(const Expected& spent, base::ByteView payload, base::Mono now);
    const directory::Relay& gateway_relay() const { return *document->find(gateway); }
    SessionContext context();

    // --- core_sessions.cpp: opening and ending sessions ---
    Health health(SessionHandle session) override;
    std::optional<SessionHandle> open_shared() override;
    /// Creates a session for `key`; empty for the shared one. It uses the key's exit of this turn
    /// if there is one, else it draws an exit.
    std::optional<SessionHandle> create_session(const std::optional<IsolationKey>& key);
    const directory::Relay* choose_exit();
    base::Nanoseconds turn_length(const std::optional<IsolationKey>& key);
    const directory::Relay* exit_of_turn(const std::optional<IsolationKey>& key);
    void forget_turn_of(SessionHandle session);
    void keep_mix(Session& session);
    void blame(Session& silent);
    /// Takes the plan's decisions up to the law time `now`.
    void run_plan(base::Mono now);
    void end_session(SessionHandle handle);
    /// Ends all sessions and clears the plan: the state before the first connection.
    void end_sessions();
    std::optional<SessionHandle> shared_session() const {
        return plan.current(std::max(clock, law_time));
    }
    std::optional<SessionHandle> session_for(const IsolationKey& key);
    std::vector<SessionHandle> isolated_sessions() const;
    bool new_identity();

    // --- core_handover.cpp: which sessions carry which streams ---
    BundlePtr new_bundle() const;
    /// Lets the next main session carry the streams of the last one, and takes the exits' answers.
    void follow_handover(base::Mono now);
    void hand_over(SessionHandle from, SessionHandle to);
    void refused(SessionEntry& live);
    bool carried_by_others(const SessionEntry& live) const;
    /// The session carries nothing any more. Streams that no other session carries are reset. If
    /// the exit has forgotten the session, so are those that it may have opened in the next one.
    void leave_streams(SessionHandle handle, SessionEntry& live);
    void reset_opening(SessionHandle handle, Bundle& bundle);
    void reset_all_streams(Bundle& bundle);
    /// Precondition: `ended` is no longer part of `bundle.streams`.
    void reset_streams(Bundle& bundle, const std::map<stream::StreamId, StreamRef>& ended);
    void report(StreamRef ref, stream::Event::Kind kind,
                stream::ResetReason reason = stream::ResetReason::cancelled);
    std::size_t read_rest(StreamRef ref, Stream& stream, base::ByteSpan out);

    // --- core_streams.cpp: streams and pings ---
    std::optional<StreamRef> open(const IsolationKey& isolation, const stream::Target& target);
    bool start(StreamRef ref, SessionHandle handle, const stream::Target& target);
    bool waits(StreamRef ref) const;
    void start_waiting();
    bool full() const { return streams.size() >= streams_max || waiting.size() >= waiting_max; }
    void collect(Bundle& bundle, const Expected* spent);
    void on_pong(std::uint64_t nonce, const Expected* spent);
    void forget_if_over(StreamRef ref);
    void forget(StreamRef ref);
    /// Where the stream is, and its number there. nullptr: it is unknown, or waits, or its last
    /// session has ended.
    std::pair<stream::Mux*, stream::StreamId> find(StreamRef ref) const;
    CoreStatus status(base::Mono now, std::size_t keys_most) const;

    std::shared_ptr<const directory::Document> document;
    base::MailboxId self;
    base::NodeId gateway;
    base::Random& random;
    std::unique_ptr<Sealer> sealer;
    base::Mono clock;  // the latest time that a caller has passed in
    NetworkClock network;
    ClockCorrection correction;
    base::Mono law_time{};  // of the slot that is being filled: what packets say may depend on it
    base::Wall wall;        // as `clock`, for the corrected wall clock; at first the begin of the
                            // document's epoch
    TrafficLaw law;
    EpochSwitch loops_switch;
    SessionPlan plan;
    SlotShares shares;
    Outstanding outstanding{outstanding_per_session_max};

    bool is_connected = false;
    bool plan_started = false;
    base::Mono disconnected_at{};
    SessionHandle last_handle = loops_handle;
    std::map<SessionHandle, SessionEntry> sessions;
    Guards guards;
    std::uint64_t guards_reported = 0;         // the count of changes at the last changed_guards()
    std::optional<SessionHandle> shared_main;  // the session for new streams without a key
    /// The exit that a key drew in its turn: the shared session's for an exit term, any other key's
    /// for one session lifetime, or until it stops answering. Sessions that begin again after an
    /// interruption use it, so interruptions draw no exits.
    struct Turn {
        base::NodeId exit;
        base::Mono ends;
        SessionHandle session = 0;  // the latest that uses it
        SessionHandle first = 0;
    };
    std::map<std::optional<IsolationKey>, Turn> turns;  // no key: the shared session

    IsolationKeys keys{random};
    Identity identity;

    StreamRef last_stream = 0;
    std::map<StreamRef, Stream> streams;
    std::list<Waiting> waiting;  // oldest first
    std::vector<CoreEvent> events;
    std::vector<PingResult> pings;
    LoopWatch watch;
    std::uint64_t loops_returned = 0;
    std::uint64_t loops_lost = 0;
    base::Mono loops_counted{};  // when lost loops were last counted
    std::uint64_t replies = 0;
    std::uint64_t deliveries_unknown = 0;
};

}  // namespace nightjar::client::core
