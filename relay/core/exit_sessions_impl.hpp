// The private members of ExitSessions. Only exit_sessions.cpp and exit_streams.cpp include this
// header.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "relay/core/exit_sessions.hpp"
#include "sphinx/base/due_heap.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/paid_shares.hpp"

namespace nightjar::relay::core {

struct ExitSessions::Impl {
    /// A session's place in the tables.
    struct Entry {
        Entry(const base::SessionId& id, std::uint32_t incarnation,
              const directory::Parameters& parameters, const stream::MuxLimits& limits)
            : session{id, incarnation, parameters, limits} {}
        base::Paid paid() const { return packets; }
        double held() const { return 1; }

        ExitSession session;
        base::Paid packets;
        base::PaidShares<Entry>::Handle share = 0;  // handle in `places`
        base::DueHeap<Entry>::Handle tick = 0;      // handle in `due`
        base::Mono queued = base::Mono::max();      // due time in `due`; max(): not due
        std::size_t charged = 0;                    // its share of Impl::memory
        std::uint32_t paced = 0;                    // its share of Impl::pace_milli
    };
    /// Streams, whichever sessions carry them.
    struct Carried {
        std::shared_ptr<ExitStreams> streams;
        std::size_t charged = 0;  // their share of Impl::memory
        bool changed = false;     // true if they are in `changed`
    };
    using Sessions =
        boost::unordered_flat_map<base::SessionId, std::unique_ptr<Entry>, base::KeyedHash>;
    using Streams = boost::unordered_flat_map<base::SessionId, Carried, base::KeyedHash>;
    class Use;
    class Change;
    /// A reply that is sealed, and its moment of the beat.
    struct Ready {
        base::Mono at;
        Reply reply;
    };

    Impl(const directory::Parameters& of_network, base::Random& source, Counters& count,
         ExitLimits bounds, std::unique_ptr<ReplySealer> seals)
        : parameters{of_network},
          random{source},
          counters{count},
          limits{bounds},
          sealer{std::move(seals)},
          sessions{0, base::KeyedHash{source}},
          streams{0, sessions.hash_function()},
          beat{of_network.replies.milli} {}

    Entry* find(const base::SessionId& id) const {
        const auto it = sessions.find(id);
        return it == sessions.end() ? nullptr : it->second.get();
    }
    ExitContext context() const { return {parameters, *sealer, beat, limits.surbs_max}; }
    stream::MuxLimits stream_limits() const;
    Entry* begin(const base::SessionId& id, base::Mono now);
    std::uint32_t next_incarnation(const base::SessionId& id);
    void make_place(base::Mono now);
    void pay_place(Entry& entry, base::Mono now) const;
    /// Packets: what a session has paid at any time that keeps on paying the least.
    double least() const { return least_paid(parameters) * base::to_seconds(base::Paid::memory); }
    base::Nanoseconds lead() const {
        return std::min<base::Nanoseconds>(lead_most, beat.gap() / 4);
    }
    /// Makes the ticks that are due by `by`, `most` of them at most, and keeps their replies.
    void make_ticks(base::Mono by, std::size_t most, base::Mono now, base::Wall wall);
    void end_silent(base::Mono now);
    void end_unopened();
    void end(Entry& entry, stream::ResetReason reason);
    /// The streams of this name; nullptr if they are unknown or have ended.
    stream::Mux* mux(const base::SessionId& name) const {
        const auto it = streams.find(name);
        return it == streams.end() ? nullptr : &it->second.streams->mux;
    }
    void join(Entry& entry, base::ByteView token, base::Mono now);
    void forget_streams(const base::SessionId& name);
    void note_change(const base::SessionId& name);
    void requeue(Entry& entry);
    void charge(Entry& entry);
    void charge(const base::SessionId& name);
    void account(ExitStreams& streams, std::size_t before, std::size_t after);
    void enforce_memory_limit();
    bool frozen(const ExitSession& session) const {
        return latest - session.heard() > limits.silence;
    }
    bool frozen(const Entry& entry) const { return frozen(entry.session); }

    directory::Parameters parameters;
    base::Random& random;
    Counters& counters;
    ExitLimits limits;
    std::unique_ptr<ReplySealer> sealer;
    Sessions sessions;
    Streams streams;               // by name
    std::uint64_t begun = 0;       // sessions
    std::uint64_t sweeps = 0;      // of end_silent()
    std::size_t memory = 0;        // sum of `charged` over all sessions and streams
    std::uint64_t pace_milli = 0;  // sum of `paced` over all sessions
    base::DueHeap<Entry> due;
    base::PaidShares<Entry> places;
    base::PaidShares<ExitStreams> shares;  // of memory
    base::Mono next_sweep = base::Mono::max();
    base::Mono latest{};                   // the latest time that a caller has passed in
    std::vector<base::SessionId> changed;  // streams that may have events, each once
    std::vector<ExitEvent> events;         // events of streams that have ended
    stream::Beat beat;
    std::deque<Ready> ready;  // by time
};

/// Every call that may change a session is made through a Use. When the Use ends, it queues the
/// session's next tick, charges what the session holds now, and enforces the memory limit. That may
/// end this session or another: keep no reference to a session for longer than its Use.
class ExitSessions::Impl::Use {
 public:
    Use(Impl& sessions, Entry& entry) : sessions_{sessions}, entry_{entry} {}
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() {
        sessions_.requeue(entry_);
        sessions_.charge(entry_);
        if (streams_changed_) sessions_.charge(entry_.session.carried()->name);
        sessions_.enforce_memory_limit();
    }
    ExitSession* operator->() const { return &entry_.session; }
    /// What the streams hold is as before: to count it again costs a visit to each of them.
    void streams_unchanged() { streams_changed_ = false; }

 private:
    Impl& sessions_;
    Entry& entry_;
    bool streams_changed_ = true;
};

}  // namespace nightjar::relay::core
