// The path of a packet through a relay, without I/O: ingress -> unwrap -> replay check -> mix ->
// egress, or delivery if the packet ends here. The daemon and the simulation run the same object;
// only the links, clocks and randomness differ.
//
//   link cell -> accept() -> Work -> [any thread: unwrap()] -> unwrapped() -> mix queue
//                                                                  tick() -> Egress
//
// Invariants:
//   - A packet is acted on at most once: its tag is in the key's filter before anything else is
//     done.
//   - By the law `poisson` a packet leaves at arrival + delay, in the tick nearest to that instant,
//     or never; the other laws are in mix_laws.hpp. (A client's packet counts as arrived at its
//     moment of entry_gate.hpp.) A failure, a full queue or a shutdown never makes another packet
//     leave earlier or later. It is the nearest tick and not the next one: the next one would add
//     half a tick on average, which is all the error of held times that tests/lab allows.
//   - All cells for relays that leave in one tick (held packets, loops, replies) leave in one
//     uniformly random order.
//   - The calls, their times and `random` determine everything: the same seed, the same relay.
//
// One thread. `keyring`, `exit` (nullptr: not an exit), `random` and `counters` must outlive this
// object.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/core/counters.hpp"
#include "relay/core/cover.hpp"
#include "relay/core/egress.hpp"
#include "relay/core/exit_level.hpp"
#include "relay/core/exit_sessions.hpp"
#include "relay/core/ingress.hpp"
#include "relay/core/keyring.hpp"
#include "relay/core/mailbox.hpp"
#include "relay/core/mix_laws.hpp"
#include "relay/core/unwrap_work.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::core {

struct PipelineOptions {
    std::size_t mix_capacity = 20'000;  // packets held at once
    double lab_drop_share = 0;          // fraction of arriving packets to drop; lab networks only
    ReplayRoom replay_room;             // unbounded unless set
    /// Slots of a new client's downlink before it has sent anything. Simulations give more to
    /// clients that measure and do not keep the law.
    double downlink_unpaid = Mailboxes::credit_start;
    /// Answers withheld packets (loop_watch.hpp). Off only to measure what the answer is worth.
    bool answer_withheld = true;
    /// Seals the relay's own loops; nullptr: as real Sphinx packets.
    std::shared_ptr<LoopSealer> loop_sealer = nullptr;
};

class Pipeline {
 public:
    Pipeline(base::NodeId self, std::shared_ptr<const directory::Document> document,
             Keyring& keyring, ExitSessions* exit, base::Random& random, Counters& counters,
             base::Mono now, const PipelineOptions& options = {});
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;

    /// Sets a newer document, which the caller has checked. The exit sessions and the time that
    /// keys are accepted follow its parameters as well.
    void use(std::shared_ptr<const directory::Document> document);

    /// A client's link opened: its mailbox starts at rate D. The link ended: the mailbox is
    /// deleted. `from`: the address of the link's other end.
    void client_connected(const base::MailboxId& client, const base::IpAddress& from,
                          base::Mono now);
    void client_gone(const base::MailboxId& client, base::Mono now);
    /// Forgets what outlives its use, such as who connected some minutes ago. Call it from time to
    /// time.
    void forget(base::Mono now) { ingress_.forget(now); }

    /// Ingress: fault injection, admission, the route's previous hop, the epoch's key. Returns
    /// nullopt if the packet was dropped (and counted).
    std::optional<Work> accept(const Origin& from, cell::CellBox cell, base::Mono arrived,
                               base::Wall wall);
    /// Takes a batch that has been through unwrap(). Checks the replay room, the replay tag,
    /// routing rules and delay, then puts the packet into the mix queue. Takes no time argument on
    /// purpose: the release time counts from arrival (a client's packet: from its moment), so the
    /// time at which the workers finish changes nothing.
    void unwrapped(std::span<Work> batch);

    /// Sends everything that is due: held packets, loops, exit session ticks, downlink slots. Call
    /// it when next_due() has come, and at most once per millisecond: packets are shuffled only
    /// within one call.
    void tick(base::Mono now, base::Wall wall, Egress& egress);
    /// Builds the replies and loops that later ticks send, if they are due to be built. Call it
    /// after each tick(), once what left is written, until it wants no more: no packet waits then
    /// while one is built. A call takes up to a millisecond. Returns false if a further call at
    /// once would be of no use.
    bool wants_to_build(base::Mono now) const;
    bool build_ahead(base::Mono now, base::Wall wall);
    /// The time of the next call of tick() that has work.
    base::Mono next_due() const;

    /// The machine was suspended: CLOCK_BOOTTIME advanced by `gap` more than CLOCK_MONOTONIC.
    /// Packets that are now overdue by more than 250 ms are dropped in the next tick, so there is
    /// no burst.
    void slept(base::Nanoseconds gap);

    /// From now on there is no cover, no reply and no new packet: accept() drops every packet
    /// uncounted. Held packets keep their delay; the downlinks keep their rate until the links
    /// close.
    void drain();
    std::size_t held() const;
    /// Round-trip times of the loops that returned since the last call.
    std::vector<base::Nanoseconds> take_loop_round_trips();
    /// How this relay's loops return, and whether it answers (loop_watch.hpp).
    const LoopWatch& loop_watch() const { return cover_.watch(); }
    bool answers() const { return answer_ && cover_.watch().answers(); }
    /// Within the last minute a neighbour sent more than its part while the replay filters had no
    /// room to spare.
    bool replay_room_short(base::Mono now) const {
        const auto last = ingress_.room_refused();
        return last && now - *last < base::Seconds{60};
    }
    /// A replay filter holds as many packets as it is made for, or it could not grow in time.
    bool replay_filter_full() const {
        return replay_room_.per_second > 0 &&
               keyring_.filter_full(static_cast<std::uint64_t>(replay_room_.burst()));
    }

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    /// A packet that leaves for the next relay in this tick.
    struct Outgoing {
        base::NodeId next;
        cell::CellBox cell;
    };

    bool may_send_to(const base::NodeId& next) const;
    base::Nanoseconds own_delay();

    // Inbound.
    void prefetch_replay_tag(std::span<const Work> batch, std::size_t i) const;
    void after_unwrap(Work& work);
    void hold_forward(Work& work, const packet::Forward& forward);
    void hold_final(Work& work, const packet::Final& final);
    void hold(Work& work, HeldTarget where, base::Nanoseconds delay);
    void into_mix(HeldPacket packet);

    // Outbound.
    void release(base::Mono now, base::Wall wall);
    void release(Mix& mix, base::Mono now, base::Wall wall);
    void to_exit(cell::Cell& cell, base::Mono now, base::Wall wall);
    void collect_loops(base::Mono now, base::Wall wall);
    std::size_t collect_replies(base::Mono now, base::Wall wall);
    void fill_to_level(std::size_t replies, base::Mono now, base::Wall wall);
    void send(Egress& egress);

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    const directory::Relay* own_;  // this relay's entry in the document; nullptr: not listed
    Keyring& keyring_;
    ExitSessions* exit_;
    base::Random& random_;
    Counters& counters_;
    Ingress ingress_;
    ReplayRoom replay_room_;
    std::size_t mix_capacity_;
    std::unique_ptr<Mix> mix_;
    /// Mixes of former documents' laws. What they hold leaves by the law under which it came.
    std::vector<std::unique_ptr<Mix>> former_;
    bool answer_;
    Cover cover_;
    ExitLevel level_;
    Mailboxes mailboxes_;
    bool draining_ = false;
    base::Nanoseconds slept_{};  // total suspend time

    // Scratch; members only to keep their memory between ticks.
    std::vector<HeldPacket> released_;
    std::vector<Cover::Loop> loops_;
    std::vector<ExitSessions::Reply> replies_;
    std::vector<Outgoing> outgoing_;
};

}  // namespace nightjar::relay::core
