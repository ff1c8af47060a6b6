// Two Muxes with a network between them, in virtual time. Packets leave in regular slots. Each may
// be lost, duplicated and delayed at random. They carry the same content as real packets.
#pragma once

#include <deque>
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
    /// Draws the delay of one packet.
    std::function<base::Nanoseconds(base::Random&)> up_delay;
    std::function<base::Nanoseconds(base::Random&)> down_delay;
    base::Nanoseconds resend_after{};
    bool surbs = true;  // every third packet up has room for only a few frames, as with SURBs
    stream::MuxLimits limits;
};

/// The sum of `hops` exponential delays, as at mixes.
base::Nanoseconds mix_delay(base::Random& random, int hops, base::Nanoseconds mean);

class StreamChannel {
 public:
    struct Counts {
        std::size_t sent = 0;
        std::size_t given_up = 0;  // packets that SentLog declared lost
        std::size_t dropped = 0;   // packets that the network lost
    };

    /// `random` must outlive this object.
    StreamChannel(ChannelLaw law, base::Random& random);

    /// Runs slots and arrivals until `end`. `after_arrival` is called after each arrival.
    void run_until(base::Mono end, const std::function<void()>& after_arrival);
    base::Mono now() const { return now_; }

    /// A further session carries the streams, beside the others.
    void add_carrier();
    /// The oldest session ends at one end; the other end still sends in it. What is on its way is
    /// not taken any more.
    void end_carrier(stream::Side at);

    stream::Mux client;
    stream::Mux exit;
    Counts up;
    Counts down;

 private:
    struct Arrival {
        base::Mono when;
        bool at_exit;
        std::uint32_t carrier;
        base::Bytes message;
        bool operator>(const Arrival& other) const { return when > other.when; }
    };
    struct Logs {
        std::uint32_t carrier;
        stream::SentLog sent;
        stream::ArrivedLog arrived;
    };
    struct End {
        std::deque<Logs> sessions;  // oldest first
        base::Mono next_slot;
    };
    void send_up();
    void send_down();
    Logs& next_session(End& end, stream::Mux& mux, Counts& counts);
    void transmit(bool to_exit, std::uint32_t carrier, Counts& counts, const base::Bytes& message);
    void arrive(const Arrival& arrival);
    base::Mono slot_after(base::Mono when, double rate);

    ChannelLaw law_;
    base::Random& random_;
    base::Mono now_{};
    std::uint32_t carriers_ = 0;
    End client_end_;
    End exit_end_;
    std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> under_way_;
};

}  // namespace nightjar::test
