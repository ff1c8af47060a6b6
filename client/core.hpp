// The client without I/O: the traffic law, and on top of it exit sessions and their streams
// (docs/traffic-law.md, docs/client.md). The daemon and the simulation run this same object.
//
// tick() yields what is due, made beforehand; prepare() makes what comes next, so that building
// and encrypting never moves a slot. Nothing that an application does changes when or how many
// cells leave. One thread. `random` outlives it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/sealer.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::client {

/// Which session a stream belongs to: equal keys share routes, SURBs and exit session.
using IsolationKey = std::string;

/// A stream of one of the client's sessions. Never reused.
using StreamRef = std::uint64_t;

struct CoreEvent {
    StreamRef stream = 0;
    stream::Event event;  // event.stream is the session's own number: use `stream`
};

/// What `status` shows and tests check. Nothing of it leaves the machine.
struct CoreStatus {
    bool connected = false;
    std::uint64_t slots = 0;  // main slots written
    std::uint64_t slots_lost = 0;
    std::uint64_t loops_sent = 0;
    std::uint64_t loops_returned = 0;
    std::uint64_t loops_lost = 0;  // changed, or not back within two longest route delays
    std::uint64_t replies = 0;     // recovered, cover too
    std::uint64_t deliveries_unknown = 0;
    struct Session {
        base::NodeId exit;
        double pace = 0;             // replies a second now
        std::uint32_t stock = 0;     // SURBs at the exit, as last reported
        std::uint32_t estimate = 0;  // and what is on its way
        std::uint32_t target = 0;    // S*
        std::size_t streams = 0;
        bool ready = false;  // its first reply has arrived
    };
    std::vector<Session> sessions;
};

/// The answer to one ping.
struct PingResult {
    std::uint64_t nonce = 0;
    base::Nanoseconds round_trip{};
    std::vector<base::NodeId> there;  // the relays of the way out
    std::vector<base::NodeId> back;   // and of the reply's
};

class Core {
 public:
    /// `gateway` is in the document. Starts disconnected. `sealer`: real packets if none is given.
    Core(std::shared_ptr<const directory::Document> document, base::MailboxId self,
         base::NodeId gateway, base::Random& random, base::Mono now, base::Wall wall,
         std::unique_ptr<Sealer> sealer = nullptr);
    ~Core();

    /// A newer document (checked by the caller) replaces the one in use.
    void use(std::shared_ptr<const directory::Document> document);

    // --- the link to the gateway ---
    /// From here the law runs: slots, loops, and after 3 s the first ticks of replies. Sessions and
    /// streams survive an interruption of at most 8 s. Call prepare() behind it: a slot that comes
    /// due without its packet is lost.
    void connected(base::Mono now);
    void disconnected();
    /// The cells whose slots are due by `now`, in their order. Slots that lie more than one tick of
    /// the caller behind (a suspend, a stall) are lost, never made up.
    std::vector<cell::CellBox> tick(base::Mono now);
    /// Cell `i` of those that tick() gave last could not be written. What it carried goes into the
    /// packets of later slots, as does what a lost slot's would have carried.
    void unwritten(std::size_t i);
    /// Makes the packets of the next slots. Call after what tick() gave has been written.
    void prepare(base::Mono now, base::Wall wall);
    base::Mono next_due() const;
    /// A cell of kind packet from the gateway: a reply, a loop's return, or dropped.
    void on_delivery(const cell::Cell& cell, base::Mono now);

    // --- applications ---
    /// Nothing if the target is malformed or a bound is reached. Opens a session for a new
    /// isolation key by the clock; the stream waits for it.
    std::optional<StreamRef> open(const IsolationKey& isolation, const stream::Target& target);
    std::size_t write(StreamRef stream, base::ByteView bytes);
    std::size_t writable(StreamRef stream) const;
    std::size_t read(StreamRef stream, base::ByteSpan out);
    std::size_t readable(StreamRef stream) const;
    void finish(StreamRef stream);
    void reset(StreamRef stream);
    std::vector<CoreEvent> take_events();

    /// Sends one ping in the next slot of the oldest ready session; once it has left it is never
    /// sent again. Nothing if no session is ready.
    std::optional<std::uint64_t> ping();
    std::vector<PingResult> take_pings();

    bool ready() const;  // a session has replies
    CoreStatus status(base::Mono now) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::client
