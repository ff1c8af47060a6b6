// Decides which packets may enter, and when a client's packets do. The checks, in order: lab fault
// injection; the previous hop, or that this is a gateway and the client's token bucket; the cell's
// kind; the epoch's key; and for a packet that is genuine, the room in the replay filters. Every
// refusal has a reason, and no refusal is answered.
//
// Replay room is shared (base::SharedRate): each relay of the layer before has an equal part. At a
// gateway its clients together have half and the relays the other half, because a client sends
// about as many packets as are sent to it. Pure; one thread. `keyring` and `random` must outlive
// this object.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <optional>

#include "relay/core/counters.hpp"
#include "relay/core/entry_gate.hpp"
#include "relay/core/keyring.hpp"
#include "relay/core/mix_laws.hpp"
#include "sphinx/base/holding.hpp"
#include "sphinx/base/ids.hpp"
#include "sphinx/base/ip.hpp"
#include "sphinx/base/keyed_hash.hpp"
#include "sphinx/base/prefix_rates.hpp"
#include "sphinx/base/random.hpp"
#include "sphinx/base/result.hpp"
#include "sphinx/base/shared_rate.hpp"
#include "sphinx/base/time.hpp"
#include "sphinx/cell/cell.hpp"
#include "sphinx/directory/document.hpp"

namespace nightjar::relay::core {

/// The link on which a cell arrived.
struct Origin {
    const directory::Relay* relay = nullptr;  // a relay of the document; nullptr: a client
    base::MailboxId client;                   // valid if relay == nullptr
};

/// A token bucket: `per_second` tokens a second, at most `depth` at once, `tokens` at the start.
class TokenBucket {
 public:
    TokenBucket(double depth, double tokens, base::Mono now)
        : depth_{depth}, tokens_{tokens}, filled_{now} {}
    bool take(double per_second, base::Mono now);
    /// The tokens at the last take().
    double tokens() const { return tokens_; }

 private:
    double depth_;
    double tokens_;
    base::Mono filled_;
};

/// The gap between two slots of a client, 1/(U + L).
base::Nanoseconds slot_gap(const directory::Parameters& parameters);

/// The rate at which a gateway admits packets of one client (docs/traffic-law.md section 1).
double admitted_per_second(const directory::Parameters& parameters);
/// The most packets of one client that are admitted at once.
inline constexpr double client_burst = 64;

/// What a new link has before it has sent anything: a quarter of the burst, and the free slots of
/// its downlink (mailbox.hpp). This is one start. A network prefix has as many starts as this, and
/// a link that ends gives back what it has not used. So one who connects again and again gains no
/// more than one start in two minutes, and a client that keeps the law always begins with a whole
/// one.
inline constexpr base::PrefixRate starts{1.0 / 120, 16};

/// The rate of cells of any kind above which a gateway closes a client's link: four times the law.
double cells_per_second_max(const directory::Parameters& parameters);
/// The most cells above that rate at once: what the law sends in 20 s, for a network that held them
/// back.
double cells_burst(const directory::Parameters& parameters);

/// What a client's new link may send at once: cells that a network holds back come with the time
/// that they were held back.
inline constexpr double cells_start = 64;

/// The cells that each relay of the layer before may send. Above it, its link is closed: each cell
/// costs time on the I/O thread, even padding. By the law a relay sends its part of the packets
/// that this relay carries, and padding every 15 s. Pure; one thread.
class NeighbourCells {
 public:
    /// `packets_per_second`: what this relay is made for; 0: its packets have no bound.
    explicit NeighbourCells(double packets_per_second) : made_for_{packets_per_second} {}

    /// Sets the rates by a document, and forgets relays that may not send to `self`. What another
    /// has sent is not forgotten, nor by a new link.
    void use(const directory::Document& document, const base::NodeId& self, base::Mono now);
    /// Returns false if `from` has sent far more than the law allows, or is no neighbour.
    bool take(const base::NodeId& from, cell::Kind kind, base::Mono now);
    std::size_t size() const { return neighbours_.size(); }
    /// Packets a second of a neighbour; 0: it is none.
    double per_second(const base::NodeId& from) const;

 private:
    struct Neighbour {
        double per_second;  // of packets
        TokenBucket packets;
        TokenBucket others;  // cells that are no packets
    };
    double made_for_;
    std::map<base::NodeId, Neighbour> neighbours_;
};

/// How many packets the replay filters are made for.
struct ReplayRoom {
    double per_second = 0;      // 0: no bound
    base::Seconds key_time{0};  // for so long a key is accepted

    /// A filter is made for `per_second` over the key's time. At most as much again can come at
    /// once, so in one run a filter gets no more than twice what it is made for. It then refuses
    /// fewer than one new packet in a million. A restart within the key's time allows one burst
    /// more.
    double burst() const { return per_second * base::to_seconds(key_time); }
};

class Ingress {
 public:
    /// `lab_drop_share` has an effect only while the document says `lab`.
    Ingress(base::NodeId self, std::shared_ptr<const directory::Document> document,
            const Keyring& keyring, base::Random& random, double lab_drop_share,
            const ReplayRoom& room = {});

    void use(std::shared_ptr<const directory::Document> document);
    /// Returns the part of a start that the new link has: 0 to 1, and always 1 from loopback.
    double client_connected(const base::MailboxId& client, const base::IpAddress& from,
                            base::Mono now);
    /// `unused`: the part of a start's free slots that the downlink still has.
    void client_gone(const base::MailboxId& client, double unused, base::Mono now);
    /// Forgets who connected so long ago that it makes no difference. Call it from time to time.
    void forget(base::Mono now);

    /// Returns the key to unwrap the packet with, or the reason to drop it.
    base::Result<std::shared_ptr<const MixKeyPair>, DropReason> admit(const Origin& from,
                                                                      const cell::Cell& cell,
                                                                      base::Mono arrived,
                                                                      base::Wall wall);
    /// Takes the room of one tag in the replay filters, from the part of the relay it came from, or
    /// of the clients (nullptr). False: there is none, drop the packet. Call it only for packets
    /// that have passed their integrity check, just before the tag is stored: others store none.
    bool take_room(const base::NodeId* relay, base::Mono arrived);
    /// When a client's packet that came at `arrived` enters the mix queue (entry_gate.hpp). Call it
    /// only for packets that are acted on: a refused one must not move those behind it. `arrived`
    /// itself if the client has gone.
    base::Mono enter(const base::MailboxId& client, base::Mono arrived);

    /// Whose room in the mix a packet takes that was admitted. All of a client's /24 or /48 count
    /// as one, but each client of this machine by itself.
    MixSource source(const Origin& from) const;
    /// The same for what this relay makes.
    MixSource own_source() const;

    /// When a packet was last refused because its neighbour had more than its part of the replay
    /// room and no more was free; nullopt: never.
    std::optional<base::Mono> room_refused() const { return room_refused_; }

    /// Appends what this object's tables hold (base::Holding).
    void list_holdings(base::Holdings& out) const;

 private:
    struct Client {
        TokenBucket bucket;
        EntryGate gate;
        base::IpAddress from;
        double start = 0;  // the part of a start that its prefix gave
        MixSource source = 0;
    };
    MixSource source_of(const base::MailboxId& client, const base::IpAddress& from) const;
    bool injected_drop();

    base::NodeId self_;
    std::shared_ptr<const directory::Document> document_;
    const directory::Relay* own_;  // this relay's entry in the document; nullptr: not listed
    const Keyring& keyring_;
    base::Random& random_;
    double lab_drop_share_;
    base::KeyedHash hash_;
    boost::unordered_flat_map<base::MailboxId, Client, base::KeyedHash> clients_;
    std::optional<base::PrefixRates> starts_;  // once a client has come from another machine
    std::optional<base::SharedRate> room_;
    double relay_part_ = 1;  // of the room
    std::optional<base::Mono> room_refused_;
};

}  // namespace nightjar::relay::core
