// One exit session: its routes, its SURBs at the exit, and its streams (docs/traffic-law.md
// section 2). compose() builds one packet, whether data is queued or not. A packet always carries
// the pace schedule and the SURBs that fill the stock up to S*; application data gets the rest.
//
// A session begins with streams of its own, or joins those of its predecessor at the same exit:
//
//   own --join()--> asking --the exit agrees---> joined
//                          --the exit refuses--> refused --use()--> own
//
// While it asks, its packets carry the JOIN and no other frame.
//
// Pure, one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "client/core/epoch_switch.hpp"
#include "client/core/reply_clock.hpp"
#include "client/core/routes.hpp"
#include "client/core/sealer.hpp"
#include "client/core/slot_packet.hpp"
#include "client/core/surb_supply.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/stream/header.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::client::core {

/// The rate of a session's replies: `now` until `change_at`, `next` from then on. Times are law
/// times.
struct PaceSchedule {
    std::uint32_t sequence = 0;
    directory::Rate now;
    base::Mono change_at{};
    directory::Rate next;
    std::uint32_t change_second = 0;  // `change_at` in network time, as packets say it
    std::uint8_t first_rank = 0;      // in a frame of the exits' beat (sphinx/stream/beat.hpp)
    std::uint8_t next_first_rank = 0;

    directory::Rate at(base::Mono time) const { return time < change_at ? now : next; }
    std::uint8_t rank_at(base::Mono time) const {
        return time < change_at ? first_rank : next_first_rank;
    }
    directory::Rate highest(base::Mono time) const {
        return time < change_at ? std::max(now, next) : next;
    }
};

/// What all sessions of one client share. The referenced objects must outlive the call.
struct SessionContext {
    const directory::Document& document;
    const directory::Relay& gateway;
    base::MailboxId self;
    Sealer& sealer;
    base::Random& random;
    Outstanding& outstanding;
};

/// The time after which no relay accepts a key of this epoch, with a margin for clock differences.
base::Wall keys_end(const directory::Parameters& parameters, base::Epoch epoch);

class Session {
 public:
    Session(SessionHandle handle, base::NodeId exit, const directory::Parameters& parameters,
            base::Random& random);

    /// Builds the packet for the slot whose law time is `due`, or `wall` in network time: the cell
    /// for the gateway, and the SURBs in it. nullopt if the document has no route or no keys for
    /// it. What the packet says depends on law time, on what applications do, and on the replies
    /// that are settled at `due`. It does not depend on when they came, nor on when the cell
    /// leaves: only the round trips of pings need `leaves`.
    std::optional<SlotPacket> compose(const PaceSchedule& schedule, base::Mono due, base::Wall wall,
                                      base::Mono leaves, const SessionContext& context);
    /// Reports that a packet was never sent. What it carried, pings included, goes into the next
    /// packets. The caller removes its SURBs from Outstanding.
    void not_sent(stream::PacketNumber number);
    /// Takes a reply: `message` is decrypted, `spent` is the SURB that it used. What it brings is
    /// there for applications at once. False if the reply is malformed, a duplicate, or of another
    /// incarnation of the session; the streams are then unchanged.
    bool on_reply(base::ByteView message, const Expected& spent, base::Mono now);
    /// Settles the replies that are due for it, declares overdue packets lost, so that their
    /// content is sent again, and forgets SURBs that can no longer come back. `now`: law time.
    void settle(base::Mono now, Outstanding& outstanding);

    enum class Join : std::uint8_t { own, asking, joined, refused };
    /// What the exit is to know of this session's streams. Precondition: answered().
    stream::JoinToken join_token() const;
    /// Asks the exit to carry `streams` in this session too; `token` is that of a session that
    /// carries them. Precondition: own(), and mux() is unused.
    void join(std::shared_ptr<stream::Mux> streams, const stream::JoinToken& token);
    Join join_state() const { return join_; }
    /// Uses other streams, which no session has carried yet.
    void use(std::shared_ptr<stream::Mux> streams);
    /// Carries no streams any more. It takes no reply from now on, and acknowledges none that is
    /// not settled: other sessions bring again what those brought.
    void retire();

    /// The link is back after an interruption of some length. `now`: law time.
    void resumed(base::Mono now) { clock_.look_again(now); }

    /// A settled reply has confirmed that the SURBs have arrived at the exit.
    bool stock_confirmed() const;
    bool answered() const { return answered_; }
    /// The exit has forgotten the session and begun another one of the same id: what it
    /// acknowledged before is lost. From then on every reply is ignored.
    bool forgotten() const { return forgotten_; }
    /// Switches to a newer document. Call it before the old one is destroyed.
    void document_changed(const directory::Parameters& parameters);

    struct SentPing {
        stream::PacketNumber number = 0;  // of the packet that carried it
        base::Mono left{};                // when that packet's cell was due to leave
        std::vector<base::NodeId> there;
    };
    std::optional<SentPing> take_sent_ping(std::uint64_t nonce);

    stream::Mux& mux() { return *mux_; }
    const stream::Mux& mux() const { return *mux_; }
    const base::NodeId& exit() const { return routes_.exit(); }
    SessionRoutes& routes() { return routes_; }
    const base::SessionId& id() const { return id_; }
    std::uint32_t stock() const { return stock_.reported(); }
    std::uint32_t estimate(base::Mono now) const {
        return stock_.estimate(sent_.weight_in_flight(), ticks_known(now));
    }
    std::uint32_t target(const PaceSchedule& schedule, base::Mono now) const {
        return parameters_.surb_stock_target(schedule.highest(now));
    }

 private:
    std::uint32_t ticks_known(base::Mono now) const;
    void settle_reply(stream::PacketNumber number);
    std::vector<std::uint64_t> write_frames(stream::PacketNumber number, base::ByteSpan room);
    std::vector<base::SurbId> write_surbs(std::uint32_t count, base::Epoch epoch, base::Mono due,
                                          base::ByteSpan message, const SessionContext& context);
    void note_pings(const std::vector<std::uint64_t>& nonces, stream::PacketNumber number,
                    const directory::Route& route, base::Mono leaves);

    SessionHandle handle_;
    base::SessionId id_;
    directory::Parameters parameters_;
    SessionRoutes routes_;
    std::shared_ptr<stream::Mux> mux_;
    Join join_ = Join::own;
    stream::JoinToken token_{};  // of the session whose streams this one carries too
    bool retired_ = false;
    stream::SentLog sent_;
    base::Mono newest_slot_{};  // the latest slot for which a packet was built
    base::ForkedRandom draws_;  // which replies are claimed lost, and `spare_`
    std::uint32_t spare_ = 0;   // SURBs wanted beyond S*
    EpochSwitch epoch_switch_;
    bool answered_ = false;  // a reply has come
    stream::ArrivedLog arrived_;
    struct Report {
        stream::Acks acks;
        std::uint16_t stock;
        std::optional<bool> may_join;
    };
    std::map<stream::PacketNumber, Report> unsettled_;  // replies that have come
    ReplyClock clock_;
    stream::PacketNumber settled_ = 0;  // all replies up to it are
    stream::ArrivedLog counted_;        // those that are settled and had come: our acks
    StockEstimate stock_;
    std::uint32_t incarnation_ = 0;  // of the first reply; 0: none has come
    bool forgotten_ = false;
    // From `after` on, no SURB made before `made` can still come back.
    struct SpentBefore {
        base::Mono made;
        base::Mono after;
    };
    std::optional<SpentBefore> spent_before_;
    std::map<std::uint64_t, SentPing> pings_;
};

}  // namespace nightjar::client::core
