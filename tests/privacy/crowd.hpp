// A network with many clients, some of which use it while the others only follow the law, and what
// its links show of each. The clients, relays and exits are the product's own; packets are in
// clear.
//
//   Crowd crowd{options};   // who is busy, and when it begins, is drawn from the seed
//   crowd.run();            // from the moment at which all clients connect
//   crowd.traces()[i]       // all that links show of client i; .busy is the truth to be guessed
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/simulation/world.hpp"

namespace nightjar::privacy {

enum class Work { download, upload, either };  // either: each busy client one of the two
/// What clients do. `law`: the product. `on_demand`: loops at the law's rate, but slots and replies
/// only while there is something to send or to fetch; the defence is off. `poisson`: slots whatever
/// happens, but at the moments of a Poisson process; what the law would be with gaps of any length.
enum class Defence { law, on_demand, poisson };

struct CrowdOptions {
    std::uint64_t seed = 1;
    unsigned clients = 100;
    double busy_share = 0.5;  // each client on its own
    Work work = Work::download;
    std::size_t bytes = 100'000;
    Defence defence = Defence::law;
    double on_demand_rate = 0;    // packets a second of an on_demand flow; 0: the law's U
    double seconds = 25;          // of the window, from connecting
    double begins_within = 10;    // a busy client begins at a uniform moment of so many seconds
    unsigned isolation_keys = 0;  // of a busy client, each with a session, besides its transfer's
    double records_from = 0;      // seconds; what went before is not kept
    simulation::WorldOptions network;
    /// Besides: every cell of every link, as it is sent.
    std::function<void(const simulation::OnWire&)> seen;

    CrowdOptions();  // the default network, hand-overs every 18 s
};

using Times = std::vector<float>;  // seconds from connecting

/// What is known of one client, by whom.
struct Trace {
    bool busy = false;
    bool finished = false;  // a busy one's transfer ended in the window
    std::size_t moved = 0;  // bytes of it
    unsigned gateway = 0;

    // Who sees the client's link.
    Times up;
    Times down;
    // Its gateway, besides: which mix each packet goes to, and each delivery comes from.
    struct Passed {
        float at = 0;
        std::uint32_t relay = 0;  // a node's number
        bool loop = false;        // the truth: a loop of the client's own
    };
    std::vector<Passed> to_mix;
    std::vector<Passed> delivered;
    // Whoever sees the target's link: when bytes of this client's upload were written there.
    Times written;
    // A bad exit, of this client's sessions: when packets arrived, and when it sent replies. A
    // client's next session is at another exit, so that exits tell its sessions apart.
    struct AtExit {
        float at = 0;
        unsigned exit = 0;  // a gateway's index
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
    /// Per gateway: when a cell came from the last layer, and left for the first.
    const std::vector<Times>& into_exit() const;
    const std::vector<Times>& out_of_exit() const;
    std::uint64_t hops() const;

 private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace nightjar::privacy
