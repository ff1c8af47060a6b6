// The life of a packet in a relay, without I/O: ingress -> unwrap -> replay -> mix -> egress, and
// delivery where it ends. The daemon and the simulation run this same object; only links, clocks
// and randomness differ.
//
//   link cell -> accept() -> Work -> [any thread: unwrap()] -> unwrapped() -> mix queue
//                                                                  tick() -> Egress
//
// What holds at every moment:
//   - A packet is acted on at most once: its tag is in the key's filter before anything else is
//   done.
//   - A packet leaves at arrival + delay, in the tick nearest to that instant, or never: nothing
//     that fails, fills up or shuts down makes another leave earlier or later. The nearest, not the
//     next: half a tick more than asked would be all that tests/privacy allows held times to be
//     off.
//   - All that leaves for relays in one tick (held packets, loops, replies) leaves in one uniformly
//     random order.
//   - Everything follows from the calls, their times and `random`: the same seed, the same relay.
//
// One thread, but for the pure unwrap(). `keyring`, `exit` (nullptr: not an exit), `random` and
// `counters` outlive it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/counters.hpp"
#include "relay/cover.hpp"
#include "relay/egress.hpp"
#include "relay/exit_sessions.hpp"
#include "relay/ingress.hpp"
#include "relay/keyring.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/packet/packet.hpp"

namespace nightjar::relay {

/// One packet between accept() and unwrapped(). Holds its key alive while a worker uses it.
struct Work {
    cell::CellBox cell;
    base::Mono arrived;
    base::Nanoseconds slept{};  // what the pipeline had heard of suspends when it arrived
    bool from_client = false;
    std::shared_ptr<const MixKeyPair> key;
    base::Result<packet::Opened, packet::Error> outcome{base::Fail{packet::Error::bad_length}};
};

struct PipelineOptions {
    std::size_t mix_capacity = 20'000;  // packets held at once
    double lab_drop_share = 0;          // share of arriving packets dropped; lab networks only
    /// How the relay's own loops are sealed; nullptr: as real packets.
    std::shared_ptr<LoopSealer> loop_sealer = nullptr;
};

class Pipeline {
 public:
    Pipeline(base::NodeId self, std::shared_ptr<const directory::Document> document,
             Keyring& keyring, ExitSessions* exit, base::Random& random, Counters& counters,
             base::Mono now, PipelineOptions options = {});
    ~Pipeline();

    /// A newer document (checked by the caller) replaces the one in use; the exit's sessions and
    /// the keys' time of grace follow its parameters as well.
    void use(std::shared_ptr<const directory::Document> document);

    /// A client's link opened or ended: its live mailbox starts at rate D, or is gone.
    void client_connected(const base::MailboxId& client, base::Mono now);
    void client_gone(const base::MailboxId& client);

    /// Ingress: admission, fault injection, the route's previous hop, the epoch's key. Nothing if
    /// the packet is dropped (counted).
    std::optional<Work> accept(const From& from, cell::CellBox cell, base::Mono arrived,
                               base::Wall wall);
    /// Pure and thread-safe: the workers' job. Batches are whatever is waiting.
    static void unwrap(std::span<Work> batch);
    /// Replay tag, routing rules, delay, then into the mix queue. Takes no time on purpose: release
    /// counts from arrival, so when the workers were done moves nothing.
    void unwrapped(std::span<Work> batch);

    /// Everything that is due: held packets, loops, exit ticks, downlink slots. Call it at least
    /// when next_due() has come, and not more often than each millisecond: the batch is the
    /// shuffle.
    void tick(base::Mono now, base::Wall wall, Egress& egress);
    /// When tick() has something to do next.
    base::Mono next_due() const;

    /// The machine was suspended: CLOCK_BOOTTIME ran ahead of CLOCK_MONOTONIC by this much. What is
    /// now overdue by more than 250 ms is dropped in the next tick; nothing bursts out.
    void slept(base::Nanoseconds gap);

    /// From now on no cover, no replies and no new packets: accept() takes and counts nothing. What
    /// is held keeps its delay; the downlinks keep their rate until the links close.
    void drain();
    std::size_t held() const;
    /// Round-trip times of the loops that came back since the last call.
    std::vector<base::Nanoseconds> take_loop_round_trips();

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::relay
