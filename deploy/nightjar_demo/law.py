"""The rates and times that the traffic law (docs/traffic-law.md) implies; the demo checks them."""
import math
from dataclasses import dataclass

MEAN_DELAY = 0.05       # seconds, 1/mu, for networks with at least 50 main slots per second
RELAY_LOOPS = 15.0      # loops per second that each relay sends
LAYERS = 3
GATEWAYS = 2
SIGMAS = 4.0            # of a Poisson count; one false alarm in 16,000 checks
HOLD_SIGMAS = 4.5
HALF_TICK = 0.0005      # a packet leaves in the millisecond nearest to its time
DOWN_TOLERANCE = 0.01   # the downlink is constant, not Poisson


@dataclass(frozen=True)
class Law:
    """The rates of a network with U main slots per second and `mixes` mixes in each layer."""
    main_slots: float
    mixes: int

    @property
    def mean_delay(self):
        """The mean delay. At low rates it grows with the gap between slots.

        Otherwise the rhythm of the slots would remain visible, and the authority would refuse.
        """
        return math.ceil(1000 * MEAN_DELAY * max(1, 50 / self.main_slots)) / 1000

    @property
    def loops(self):
        return self.main_slots / 10

    @property
    def replies(self):
        return 0.9 * self.main_slots

    @property
    def down(self):
        both = self.replies + self.loops
        return max(1.2 * both, both + 4.5)

    @property
    def uplink(self):
        return self.main_slots + self.loops

    @property
    def relay_loops_to_gateway(self):
        """Loops from layer 3 to one gateway: its own, and its share of those of all mixes."""
        return RELAY_LOOPS + LAYERS * self.mixes * RELAY_LOOPS / GATEWAYS

    @property
    def to_exit(self):
        """All sessions of the client are at the one gateway that is not its own."""
        return self.main_slots + self.relay_loops_to_gateway

    @property
    def to_own_gateway(self):
        return self.replies + self.loops + self.relay_loops_to_gateway

    @property
    def round_trip(self):
        return 9 * self.mean_delay + 1 / self.main_slots + 1 / self.replies + 3 / self.down

    @property
    def goodput_down(self):
        return self.replies * 1980

    @property
    def goodput_up(self):
        """A quarter of the slots' bytes goes to SURBs."""
        return 0.75 * self.main_slots * 1980


def poisson_bound(rate, seconds):
    return SIGMAS * math.sqrt(rate * seconds)


def mean_hold(mean_delay):
    """The mean of an exponential delay that is drawn again above ten means."""
    cut = math.exp(-10)
    return mean_delay * (1 - 10 * cut / (1 - cut))


def hold_bounds(mean_delay, packets):
    mean, spread = mean_hold(mean_delay), HOLD_SIGMAS / math.sqrt(packets)
    return mean * (1 - spread) - HALF_TICK, mean * (1 + spread) + HALF_TICK
