// The exit's side of exit sessions (docs/traffic-law.md section 2): each spends one SURB per tick
// of its pace, data if some waits, else cover; it runs so from start-up, whatever the
// applications do. Pure: sockets are `exit`'s. One thread. `random` and `counters` outlive it.
//
// Where a bound is reached: a new session takes the place of the one that has been silent for
// longest, but of none that is lively; the oldest SURB of a full stock goes, a stream too many is
// reset (overload); beyond the memory of all sessions together the one that holds most of it ends.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "relay/counters.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/parameters.hpp"
#include "sphinx/packet/surb.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::relay {

/// One stream of one session.
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
    std::size_t surbs_max = 1024;  // per session; and never above twice the law's largest stock
    std::size_t memory_max = std::size_t{1} << 30;  // SURBs and stream buffers of all sessions
    base::Seconds silence{10};                      // a session not heard from for so long ends
    base::Seconds lively{2};                        // one heard from so recently keeps its place
    std::optional<stream::MuxLimits> streams;       // else what the network's rates ask for
};

/// How a message is sealed under a SURB. The real one is packet::use_surb; a simulation that needs
/// no cryptography brings its own.
struct ReplySealer {
    virtual ~ReplySealer() = default;
    /// Writes the reply (packet_size bytes) and gives its first hop. Nothing if the SURB is
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

    /// Holds for what is decided from now on; a pace in force stays until its next schedule.
    void use(const directory::Parameters& parameters);

    /// The message of an exit payload (2048 bytes). Malformed: dropped whole, counted. Never makes
    /// a reply: replies leave by tick() only.
    void on_message(base::ByteView message, base::Mono now);

    struct Reply {
        base::NodeId first_hop;  // the client wrote it: the caller checks it
        cell::CellBox cell;
    };
    /// Adds a reply for each tick that is due by `now`. A tick without a usable SURB is missed; one
    /// more than 250 ms ago, after a stall, as well; neither is made up. A SURB is usable while
    /// the key of its epoch will still be accepted by all hops (`wall`).
    void tick(base::Mono now, base::Wall wall, std::vector<Reply>& out);
    /// When tick() has something to do next; Mono::max() without sessions.
    base::Mono next_due() const;

    // --- what the exit's sockets do; each call is a Mux call of that session ---
    std::vector<ExitEvent> take_events();
    void accept(const StreamRef& stream);
    std::size_t write(const StreamRef& stream, base::ByteView bytes);
    std::size_t writable(const StreamRef& stream) const;
    std::size_t read(const StreamRef& stream, base::ByteSpan out);
    void finish(const StreamRef& stream);
    void reset(const StreamRef& stream, stream::ResetReason reason);

    std::size_t sessions() const;
    /// What ExitLimits::memory_max bounds, in bytes.
    std::size_t memory() const;
    /// SURBs that a session holds; 0 for unknown sessions.
    std::size_t stock(const base::SessionId& session) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::relay
