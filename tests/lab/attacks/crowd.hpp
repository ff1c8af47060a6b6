// A network with many clients, some of them busy and the others idle, and what the links show of
// each client. Clients, relays and exits are the product's own; packets are in clear.
//
//   Crowd crowd{options};   // draws from the seed which clients are busy, and when each begins
//   crowd.run();            // starts when all clients connect
//   crowd.traces()[i]       // what the links show of client i; .busy is the truth to guess
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/lab/world/world.hpp"

namespace nightjar::lab::attacks {

enum class Work { download, upload, either };  // either: drawn for each busy client
/// How clients send. `law`: by the traffic law, as the product does. `on_demand`: loops at the
/// usual rate, but slots and replies only while there is data to send or fetch, so the defence is
/// off. `poisson`: slots all the time, but at the times of a Poisson process instead of one per
/// gap.
enum class Defence { law, on_demand, poisson };

/// The plaintext of one session packet. Valid only during the call that hands it over.
struct Plaintext {
    unsigned client = 0;
    unsigned exit = 0;    // a gateway's index
    unsigned middle = 0;  // the mix of layer 2 that its route has, by index; only on_sent sets it
    float at = 0;         // seconds from connecting
    base::ByteView message;
};

/// A reply as its exit sends it. The exit knows the session: a packet of it brought the SURB.
struct Reply {
    unsigned client = 0;
    unsigned exit = 0;  // a gateway's index
    base::SessionId session;
    float at = 0;  // seconds from connecting
};

struct CrowdOptions {
    std::uint64_t seed = 1;
    unsigned clients = 100;
    double busy_share = 0.5;  // probability, drawn for each client independently
    Work work = Work::download;
    std::size_t bytes = 100'000;
    bool kept_open = false;  // downloads do not end: their server sends for ever
    Defence defence = Defence::law;
    double on_demand_rate = 0;    // packets per second of an on_demand flow; 0: U
    double seconds = 25;          // length of the window, from connecting
    double begins_within = 10;    // a busy client begins at a uniform time in this many seconds
    unsigned isolation_keys = 0;  // a busy client's further keys, each with its own session
    double connects_within = 0;   // a client connects at a uniform time in this many seconds
    double first_share = 0;       // of these, so many connect in the first 30 s: a network in use
    double stays = 0;             // mean seconds until a client leaves, exponential; 0: never
    double clock_off = 0;         // clients' clocks are off by up to this many seconds
    bool clocks_synchronised = true;  // as their hosts say; else they go by their gateways'
    double clock_ppm = 0;             // and run fast or slow by up to so many millionths
    double exits_off = 0;             // exits' clocks are off by up to this many seconds
    bool traces = true;               // false: record no cells, only call the functions below
    double records_from = 0;          // seconds; earlier events are not recorded
    lab::world::WorldOptions network;
    /// If set, called for every cell on every link as it is sent.
    std::function<void(const lab::world::OnWire&)> seen;
    /// If set, called for every cell before any observer. It may change the cell.
    std::function<void(lab::world::OnWire&)> tamper;
    /// If set, called for every session packet as its client sends it (the truth), and as it
    /// reaches its exit, which decrypts it. From records_from on.
    std::function<void(const Plaintext&)> on_sent;
    std::function<void(const Plaintext&)> on_exit;
    /// If set, called from records_from on, for runs that are too long for traces: for every cell
    /// on a client's uplink; for every reply as its exit sends it; and for every packet that
    /// reaches the client's gateway for its client.
    std::function<void(unsigned client, float at)> on_slot;
    std::function<void(const Reply&)> on_reply;
    std::function<void(unsigned client, float at)> on_delivery;

    CrowdOptions();  // the default network, with a handover 19 s after connecting

    /// Sets when clients connect, in network time: so long before a handover. The next session
    /// opens 8 s before the handover, is then on trial, and gets the pace 20 s after the handover.
    /// The next handover follows after `lifetime`. Precondition: connecting is 19 s or more, so
    /// that the first session begins 3 s after connecting.
    void handover_after(base::Seconds connecting, base::Seconds lifetime);
};

using Times = std::vector<float>;  // seconds from connecting

/// What each observer knows about one client.
struct Trace {
    double connects = 0;  // seconds; seen on the client's link
    double leaves = 0;    // after the window: never
    bool busy = false;
    bool finished = false;  // a busy client's transfer ended within the window
    std::size_t moved = 0;  // bytes of that transfer that arrived
    unsigned gateway = 0;

    // An observer of the client's link.
    Times up;
    Times down;
    // The client's gateway also knows the mix that each packet goes to or each delivery comes from.
    struct Passed {
        float at = 0;
        std::uint32_t relay = 0;  // a node's number
        bool loop = false;        // the truth: a loop of the client's own
    };
    std::vector<Passed> to_mix;
    std::vector<Passed> delivered;
    Times handed_on;  // when the gateway sent a delivery, not padding, to the client
    // An observer of the target's link, or the target itself: the times at which bytes of this
    // client's upload were written, and, if `kept_open`, of its download taken.
    Times written;
    Times taken;
    // A bad exit: the arrivals of this client's packets and its replies, and the session of each.
    struct AtExit {
        float at = 0;
        unsigned exit = 0;     // a gateway's index
        unsigned session = 0;  // counts the sessions of all clients, in the order of first packets
    };
    std::vector<AtExit> at_exit;
    std::vector<AtExit> replied;
};

class Crowd {
 public:
    explicit Crowd(CrowdOptions options);
    ~Crowd();

    void run();
    const std::vector<Trace>& traces() const;
    /// For each gateway: the times of the cells from the last layer, and of those to the first
    /// layer.
    const std::vector<Times>& into_exit() const;
    const std::vector<Times>& out_of_exit() const;
    std::uint64_t hops() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::lab::attacks
