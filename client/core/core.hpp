// The client without I/O: the traffic law, which fixes when a cell is sent, and above it the exit
// sessions and their streams (docs/traffic-law.md, docs/client.md). The daemon and the simulation
// run this same object.
//
// prepare() builds the packets of the next slots in advance. tick() only hands out those that are
// due, so the time that building and encrypting take never moves a slot. What applications do
// changes neither when cells leave nor how many. One thread. `random` must outlive this object.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/core/clock_correction.hpp"
#include "client/core/guards.hpp"
#include "client/core/isolation.hpp"
#include "client/core/loop_watch.hpp"
#include "client/core/sealer.hpp"
#include "client/core/slot_packet.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/stream/mux.hpp"

namespace nightjar::client::core {

/// The daemon seals a packet and hands it to the writer's thread this long before its slot.
/// Meanwhile the daemon's own thread may be busy or without a processor, and no cell is late.
inline constexpr base::Milliseconds hand_over_lead{10};

/// Identifies a stream among all sessions of the client. Never reused.
using StreamRef = std::uint64_t;

struct CoreEvent {
    StreamRef stream = 0;
    stream::Event event;  // event.stream counts within one session: use `stream` instead
};

/// Which clock the client goes by (clock_correction.hpp).
struct ClockStatus {
    std::optional<bool> synchronised;                 // the host's; empty: not known yet
    std::optional<base::Milliseconds> gateway_ahead;  // of the host; empty: it has not said
    base::Milliseconds correction{};                  // what the client adds to the host's clock
};

/// What `status` shows and tests check. None of it leaves the machine.
struct CoreStatus {
    bool connected = false;
    std::uint64_t slots = 0;  // main slots written
    std::uint64_t slots_lost = 0;
    std::uint64_t loops_sent = 0;
    std::uint64_t loops_returned = 0;
    std::uint64_t loops_lost = 0;  // modified, or not back within twice the longest route delay
    std::uint64_t replies = 0;     // decrypted, cover replies included
    std::uint64_t deliveries_unknown = 0;
    std::size_t isolated_max = 0;  // isolation keys that may own a session; 0 where U is too small
    std::size_t keys = 0;          // isolation keys that are known
    std::size_t keys_sharing = 0;  // those without a session of their own
    LoopState loops;               // what the client's own loops say of the link
    std::size_t waiting = 0;       // streams that wait for a place in their session
    ClockStatus clock;
    struct Session {
        base::NodeId exit;
        double pace = 0;             // replies per second now
        std::uint32_t stock = 0;     // SURBs at the exit, as last reported
        std::uint32_t estimate = 0;  // the stock plus the SURBs on their way to the exit
        std::uint32_t target = 0;    // S*, what estimate is kept at
        std::size_t streams = 0;
        bool ready = false;   // its first reply has arrived
        bool silent = false;  // its exit counts as dead
        bool isolated = false;
        bool ending = false;  // it takes no new streams
    };
    std::vector<Session> sessions;
    struct Key {
        IsolationKey key;
        std::size_t session = 0;  // in `sessions`
        bool own = false;         // the session is of this key
        std::size_t streams = 0;
    };
    std::vector<Key> isolation;  // keys with a session, those with the most streams first
    std::uint64_t identity = 0;  // how often new_identity() had an effect
    /// When the first session gets its pace, from the link's coming up until that is announced.
    std::optional<base::Mono> first_pace;
};

/// The answer to one ping.
struct PingResult {
    std::uint64_t nonce = 0;
    base::Nanoseconds round_trip{};
    std::vector<base::NodeId> there;  // the relays on the way to the exit
    std::vector<base::NodeId> back;   // the relays on the reply's way back
};

class Core {
 public:
    /// Precondition: the document lists `gateway`. Starts disconnected. Without a `sealer` the core
    /// builds real packets.
    Core(const std::shared_ptr<const directory::Document>& document, base::MailboxId self,
         base::NodeId gateway, base::Random& random, base::Mono now,
         std::unique_ptr<Sealer> sealer = nullptr);
    ~Core();

    /// Replaces the document in use by a newer one, which the caller has checked.
    void use(std::shared_ptr<const directory::Document> document);

    // --- the exits and mixes that the client keeps for weeks ---
    /// Continues with the state of an earlier run. Call it before connected(). Without it the
    /// client draws new ones.
    void restore_guards(GuardState state, base::Wall wall);
    /// Uses only exits that state this country (Guards::choose_country). Call it before
    /// connected().
    void choose_exit_country(std::string country);
    const GuardState& guards() const;
    /// guards() if it has changed since the last call, for the owner to store; else nullptr.
    const GuardState* changed_guards();

    // --- the link to the gateway ---
    /// Starts the schedule: slots and loops at once, the exit's first replies 3 to 4 s later.
    /// Sessions and streams survive an interruption of at most 120 s. Call prepare() right after
    /// it: a slot that comes due without its packet is lost.
    void connected(base::Mono now, base::Wall wall);
    void disconnected();
    /// Returns the packets whose slots are due by `now` + `ahead`, in the order of their slots;
    /// each has its cell and its time. A slot that is more than slot_late_max behind (after a
    /// suspend or a stall) is lost and never made up.
    std::vector<SlotPacket> tick(base::Mono now, base::Nanoseconds ahead = {});
    /// The next loop's slot carries this control cell for the gateway instead of the loop. Each
    /// call replaces a cell that still waits.
    void control(cell::CellBox cell);
    /// Takes back a packet of tick() that could not be written, with or without its cell. What it
    /// carried goes into the packets of later slots, as does the content of a lost slot's packet.
    void unwritten(SlotPacket packet);
    /// Builds the packets of the next slots. Call it after the cells of tick() have been written.
    void prepare(base::Mono now, base::Wall wall);
    base::Mono next_due() const;
    /// Takes a cell of kind packet from the gateway: a reply or a returning loop. Drops any other.
    void on_delivery(const cell::Cell& cell, base::Mono now);
    /// The gateway's padding says a time (sphinx/cell/padding_time.hpp). The `wall` of all other
    /// calls is the host's clock: the core corrects it.
    void hear_time(const TimeHeard& time);

    // --- applications ---
    /// Opens a stream. If its session has no place for it, it waits: until then it takes no bytes.
    /// A `writable` event follows when it has its place. Streams of one session get their places in
    /// the order of the calls. Empty if the target is malformed, if the core is full(), or if there
    /// is no session: before connecting, or without an exit. A new isolation key
    /// gets a session of its own while there is room. It opens at a time set by the clock, and the
    /// stream waits for it. A further key shares one of these sessions. No key but the empty one
    /// uses the shared session, unless there is no room for any other.
    std::optional<StreamRef> open(const IsolationKey& isolation, const stream::Target& target);
    std::size_t write(StreamRef stream, base::ByteView bytes);
    std::size_t writable(StreamRef stream) const;
    std::size_t read(StreamRef stream, base::ByteSpan out);
    std::size_t readable(StreamRef stream) const;
    void finish(StreamRef stream);
    /// Reads no more; writing continues.
    void stop(StreamRef stream);
    /// Ends both directions. What write() accepted is still sent (docs/stream.md).
    void reset(StreamRef stream);
    std::vector<CoreEvent> take_events();
    /// No further stream can be opened, or even wait.
    bool full() const;
    /// The stream waits for a place in its session.
    bool waits(StreamRef stream) const;

    /// From now on all isolation keys are new keys, and streams without one have a new key too
    /// until the shared session is at another exit. So the next stream of each gets another
    /// session, by the rules of open(). Streams that are open go on. False, and no effect, while no
    /// further key could get a session of its own.
    bool new_identity();

    /// Puts one ping into the next packet of the oldest ready session and returns its nonce. A ping
    /// that has left is never sent again. Empty if no session is ready.
    std::optional<std::uint64_t> ping();
    std::vector<PingResult> take_pings();

    /// Isolation keys that have no session of their own.
    std::size_t keys_sharing() const;
    bool ready() const;  // connected, and a session has received a reply
    /// With `keys_most` isolation keys at most. Ask for them only to show them: they take time.
    CoreStatus status(base::Mono now, std::size_t keys_most = 0) const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::client::core
