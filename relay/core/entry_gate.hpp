// When a client's packets enter the mix queue of its gateway (docs/traffic-law.md section 4). A
// packet's delay counts from a moment of the gateway, and not from the packet's arrival. There is
// one moment in every gap of 1/(U + L), and the place of the moments in the gap is drawn at random
// and stays secret. So what leaves the gateway says nothing of the moments at which the client's
// cells left the client: neither the phase nor the jitter of its slots, nor the latency of its
// line, nor the error of its clock (docs/decisions/0031-the-gateway-keeps-the-beat.md).
//
//   arrivals   |   x  |    x |  x   |    x |      |   x  |      x: near its place, or late or lost
//   moments        |      o      o      o      o      |      o   o: a packet enters; |: none
//
// A lost slot stays a hole. One object for each client. Pure; one thread.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::relay::core {

class EntryGate {
 public:
    /// A packet waits at least `margin` gaps and up to one gap more. The margin absorbs slots'
    /// jitter and delays on the client's line. After lost slots and bursts a packet waits between 0
    /// and `longest` gaps.
    static constexpr double margin = 0.5;
    static constexpr double longest = 2.5;

    /// `draw`: uniform in [0, 1). It is the place of the moments in their gap, and must be secret.
    EntryGate(base::Mono connected, base::Nanoseconds gap, double draw);

    /// The moment at which a packet that came at `arrived` enters: the next one after the last
    /// packet's. If that moment is past, or more than `longest` gaps ahead, the packet gets the
    /// first moment that is `margin` gaps ahead or more. So a burst does not delay later packets.
    /// `gap` may change with the document. The moments then go on in the new gap.
    base::Mono enter(base::Mono arrived, base::Nanoseconds gap);

 private:
    base::Mono last_;  // the moment of the last packet
};

}  // namespace nightjar::relay::core
