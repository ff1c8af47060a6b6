// One exit session: its routes, its SURBs at the exit, and its streams (docs/traffic-law.md
// section 2). Whatever waits, compose() makes one packet; what it tells the exit always contains
// the schedule and the SURBs that bring the stock up to S*, before application data.
//
// Pure, one thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "client/routes.hpp"
#include "client/sealer.hpp"
#include "client/surb_supply.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"
#include "sphinx/stream/header.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::client {

/// A session's pace at the exit: `now` until the change, `next` after it.
struct PaceSchedule {
    std::uint32_t sequence = 0;
    directory::Rate now;
    base::Mono change_at{};
    directory::Rate next;

    directory::Rate at(base::Mono time) const { return time < change_at ? now : next; }
    directory::Rate highest(base::Mono time) const {
        return time < change_at ? std::max(now, next) : next;
    }
};

/// What every session of one client uses. The referenced objects outlive the call.
struct SessionContext {
    const directory::Document& document;
    const directory::Relay& gateway;
    base::MailboxId self;
    Sealer& sealer;
    base::Random& random;
    Outstanding& outstanding;
};

/// Replies that stay away this long although ticks are due: the exit does not answer.
base::Nanoseconds dead_after(double pace);
/// When no relay takes keys of this epoch any more, with room for clocks that disagree.
base::Wall keys_end(const directory::Parameters& parameters, base::Epoch epoch);

class Session {
 public:
    Session(SessionHandle handle, base::NodeId exit, const directory::Parameters& parameters,
            base::Random& random);

    /// The packet for the slot at `due`, as the cell for the gateway. nullptr if the document has
    /// no route or no keys for it.
    cell::CellBox compose(const PaceSchedule& schedule, base::Mono due, base::Wall wall,
                          const SessionContext& context);
    stream::PacketNumber newest_packet() const { return sent_.last(); }
    /// The SURBs in it.
    const std::vector<base::Identifier>& newest_surbs() const { return newest_surbs_; }
    /// A packet of ours has never left: what it carried goes into the next ones, pings too. Its
    /// SURBs are no longer outstanding.
    void not_sent(stream::PacketNumber number);
    /// A reply of ours came back: `message` as recovered, `spent` the SURB that it used. False if
    /// it says nothing new or is malformed: nothing has changed then.
    bool on_reply(base::ByteView message, const Expected& spent, base::Mono now);
    /// Gives up packets, so that what they carried goes again, and SURBs that cannot come back.
    void expire(base::Mono now, Outstanding& outstanding);
    /// The schedule in force; call whenever it changes.
    void ticking(const PaceSchedule& schedule, base::Mono now);

    /// Its SURBs have arrived: a reply said so.
    bool stock_confirmed() const;
    bool answered() const { return stock_.heard(); }
    /// Ticks have been due, and nothing has come, for dead_after().
    bool dead(base::Mono now) const;
    /// A newer document is in use from now on.
    void document_changed(const directory::Parameters& parameters);
    /// After an interruption of the link: an exit's silence counts from here. What it held has been
    /// spent meanwhile all the same.
    void resume(base::Mono now);

    struct SentPing {
        stream::PacketNumber number = 0;  // the packet's
        base::Mono left{};
        std::vector<base::NodeId> there;
    };
    std::optional<SentPing> take_sent_ping(std::uint64_t nonce);

    stream::Mux& mux() { return mux_; }
    const stream::Mux& mux() const { return mux_; }
    const base::NodeId& exit() const { return routes_.exit(); }
    const base::SessionId& id() const { return id_; }
    std::uint32_t stock() const { return stock_.reported(); }
    std::uint32_t estimate(base::Mono now) const {
        return stock_.estimate(sent_.weight_in_flight(), now);
    }
    std::uint32_t target(const PaceSchedule& schedule, base::Mono now) const {
        return parameters_.surb_stock_target(schedule.highest(now));
    }

 private:
    std::uint32_t write_surbs(std::uint32_t count, base::Epoch epoch, base::Mono due,
                              base::ByteSpan message, const SessionContext& context);
    void note_pings(const std::vector<std::uint64_t>& nonces, stream::PacketNumber number,
                    const directory::Route& route, base::Mono due);

    SessionHandle handle_;
    base::SessionId id_;
    directory::Parameters parameters_;
    SessionRoutes routes_;
    stream::Mux mux_;
    stream::SentLog sent_;
    base::Mono newest_slot_{};  // that a packet was made for
    std::vector<base::Identifier> newest_surbs_;
    stream::ArrivedLog arrived_;
    StockEstimate stock_;
    double pace_ = 0;                       // in force at the exit, as far as we know
    std::optional<base::Mono> ticks_from_;  // since when it has one
    base::Mono raised_{};                   // since when at least as high as now
    base::Mono resumed_{};
    struct SpentBefore {
        base::Mono made;   // every SURB made before this
        base::Mono after;  // has come back by then or never will
    };
    std::optional<SpentBefore> spent_before_;
    std::map<std::uint64_t, SentPing> pings_;
};

}  // namespace nightjar::client
