"""What the traffic law (docs/traffic-law.md) promises, as numbers: what the demo measures against."""
import math
from dataclasses import dataclass

MEAN_DELAY = 0.05       # seconds, 1/mu, where there are at least 50 slots a second
RELAY_LOOPS = 15.0      # a second, each relay's own
LAYERS = 3
GATEWAYS = 2
SIGMAS = 4.0            # of a Poisson count; one false alarm in 16,000 checks
HOLD_SIGMAS = 4.5
HALF_TICK = 0.0005      # a packet leaves in the millisecond nearest to its time
DOWN_TOLERANCE = 0.01   # the downlink is constant, not Poisson


@dataclass(frozen=True)
class Law:
    """The rates of a network with U main slots a second and `mixes` mixes in each layer."""
    main_slots: float
    mixes: int

    @property
    def mean_delay(self):
        """A slow beat needs delays in proportion, or it passes them: the authority would refuse."""
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
        """From layer 3 to one gateway: its own loops, and its share of every mix's."""
        return RELAY_LOOPS + LAYERS * self.mixes * RELAY_LOOPS / GATEWAYS

    @property
    def to_exit(self):
        """All of the client's sessions are at the one gateway that is not its own."""
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
        """A quarter of the slots carries reply blocks."""
        return 0.75 * self.main_slots * 1980


def poisson_bound(rate, seconds):
    return SIGMAS * math.sqrt(rate * seconds)


def mean_hold(mean_delay):
    """Of an exponential delay that is drawn again above ten means."""
    cut = math.exp(-10)
    return mean_delay * (1 - 10 * cut / (1 - cut))


def hold_bounds(mean_delay, packets):
    mean, spread = mean_hold(mean_delay), HOLD_SIGMAS / math.sqrt(packets)
    return mean * (1 - spread) - HALF_TICK, mean * (1 + spread) + HALF_TICK
