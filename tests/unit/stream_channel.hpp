// Two Muxes and a network between them in virtual time: packets leave at the slots of a law, each
// is lost, doubled and delayed at random, and what they carry is what real packets carry.
#pragma once

#include <functional>
#include <queue>
#include <vector>

#include "sphinx/base/random.hpp"
#include "sphinx/stream/header.hpp"
#include "sphinx/stream/mux.hpp"
#include "sphinx/stream/packet_log.hpp"

namespace nightjar::test {

struct ChannelLaw {
    double ups_per_second = 50;
    double downs_per_second = 45;
    double loss = 0;        // share of packets, each way
    double duplicates = 0;  // share of packets that arrive twice
    /// How long one packet is under way.
    std::function<base::Nanoseconds(base::Random&)> up_delay;
    std::function<base::Nanoseconds(base::Random&)> down_delay;
    base::Nanoseconds resend_after{};
    bool surbs = true;  // every third up packet has room for a few frames only, as with SURBs
    stream::MuxLimits limits;
};

/// `hops` exponential delays, as mixes give them.
base::Nanoseconds mix_delay(base::Random& random, int hops, base::Nanoseconds mean);

class StreamChannel {
 public:
    struct Counts {
        std::size_t sent = 0;
        std::size_t given_up = 0;  // by SentLog
        std::size_t dropped = 0;   // by the network
    };

    /// `random` outlives it.
    StreamChannel(ChannelLaw law, base::Random& random);

    /// Slots and arrivals until `end`; `after_arrival` is called behind each arrival.
    void run_until(base::Mono end, const std::function<void()>& after_arrival);
    base::Mono now() const { return now_; }

    stream::Mux client;
    stream::Mux exit;
    Counts up;
    Counts down;

 private:
    struct Arrival {
        base::Mono when;
        bool at_exit;
        base::Bytes message;
        bool operator>(const Arrival& other) const { return when > other.when; }
    };
    struct End {
        stream::SentLog sent;
        stream::ArrivedLog arrived;
        base::Mono next_slot;
    };
    void send_up();
    void send_down();
    void transmit(bool to_exit, Counts& counts, const base::Bytes& message);
    void arrive(const Arrival& arrival);
    base::Mono slot_after(base::Mono when, double rate);

    ChannelLaw law_;
    base::Random& random_;
    base::Mono now_{};
    End client_end_;
    End exit_end_;
    std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> under_way_;
};

}  // namespace nightjar::test
