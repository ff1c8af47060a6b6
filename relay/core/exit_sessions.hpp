// The exit's side of exit sessions (docs/traffic-law.md section 2). On every tick of its pace a
// session spends one SURB: for data if some is queued, else for cover. It does so from its first
// packet on, whatever the applications do. Pure: `exit` owns the sockets. One thread. `random` and
// `counters` must outlive this object.
//
// What happens at each limit:
// - sessions: a new session replaces the one that has been silent for longest, unless that one was
//   heard from within the last `lively` seconds;
// - SURBs of a session: the oldest SURB is dropped;
// - streams of a session: the new stream is reset (overload);
// - memory of all sessions together: the session that uses the most ends.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "relay/core/counters.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/packet/surb.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::relay::core {

/// Names one stream of one session.
struct StreamRef {
    base::SessionId session;
    stream::StreamId stream = 0;
    auto operator<=>(const StreamRef&) const = default;
};

struct ExitEvent {
    base::SessionId session;
    stream::Event event;
};

struct ExitLimits {
    std::size_t sessions_max = 4096;
    std::size_t surbs_max = 1024;  // per session; twice the target stock if that is less
    std::size_t memory_max = std::size_t{1} << 30;  // SURBs and stream buffers of all sessions
    base::Seconds silence{10};                      // a session that is silent for so long ends
    base::Seconds recently_heard{2};           // one heard from within this time is not replaced
    std::optional<stream::MuxLimits> streams;  // nullopt: derived from the network's rates
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

class ExitSessions {
 public:
    ExitSessions(const directory::Parameters& parameters, base::Random& random, Counters& counters,
                 ExitLimits limits = {},
                 std::unique_ptr<ReplySealer> sealer = std::make_unique<ReplySealer>());
    ~ExitSessions();

    /// Sets newer parameters for later decisions. A pace already in force stays until the session's
    /// next schedule.
    void use(const directory::Parameters& parameters);

    /// Handles the message of an exit payload (2048 bytes). A malformed message is dropped as a
    /// whole and counted. Never creates a reply: replies leave by tick() only.
    void on_message(base::ByteView message, base::Mono now);

    struct Reply {
        base::NodeId first_hop;  // chosen by the client: the caller must check it
        cell::CellBox cell;
    };
    /// Appends one reply to `out` for each tick that is due by `now`. A tick is missed if the
    /// session has no usable SURB, or if it was due more than 250 ms ago because of a stall. Missed
    /// ticks are not made up. A SURB is usable as long as every hop of the reply will still accept
    /// the key of the SURB's epoch (`wall` gives the current epoch).
    void tick(base::Mono now, base::Wall wall, std::vector<Reply>& out);
    /// The time of the next call of tick() that has work; Mono::max() if there are no sessions.
    base::Mono next_due() const;

    // --- for the exit's sockets; each call is passed on to the Mux of that session ---
    std::vector<ExitEvent> take_events();
    void accept(const StreamRef& stream);
    std::size_t write(const StreamRef& stream, base::ByteView bytes);
    std::size_t writable(const StreamRef& stream) const;
    std::size_t read(const StreamRef& stream, base::ByteSpan out);
    void finish(const StreamRef& stream);
    void stop(const StreamRef& stream, stream::ResetReason reason);
    void reset(const StreamRef& stream, stream::ResetReason reason);

    std::size_t sessions() const;
    /// The bytes that ExitLimits::memory_max limits.
    std::size_t memory() const;
    /// The number of SURBs that a session holds; 0 if the session is unknown.
    std::size_t stock(const base::SessionId& session) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::relay::core
