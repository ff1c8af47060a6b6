"""The rates and times that the traffic law (docs/traffic-law.md) implies; the demo checks them."""
import math
from dataclasses import dataclass

MEAN_DELAY = 0.05       # seconds, 1/mu, for networks with at least 50 main slots per second
RELAY_LOOPS = 15.0      # loops per second that each relay sends
EXIT_ROOM = 1.0         # the document's `exit_room`: what exits send as cover follows from it and from chance
LAYERS = 3
GATEWAYS = 2
KEEP_ALIVE = 15         # seconds; between relays, each way, one padding cell by the clock
SIGMAS = 4.0            # bound on a count's random error: one false alarm in 16,000 checks
HOLD_SIGMAS = 4.5
HALF_TICK = 0.0005      # seconds; a packet leaves in the 1 ms tick nearest to its due time
ENDS = 2                # a window's two ends cut one gap each: two events for any length
SLOT_LATE = 0.025       # seconds; a client loses a slot that is later than this
TICK_LATE = 0.025       # seconds; an exit's tick on a machine that does not stall
DOWN_TOLERANCE = 0.01   # of the downlink: a cell may be 250 ms late, and 1 % of a window is less
LOST_SHARE = 0.05       # of slots; if the machine loses more of them, nothing can be measured
DROPPED_SHARE = 0.01    # of packets, by all relays


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
    def exits_cover(self):
        """Packets a second of cover that all exits may send for their levels, with one client: each sends loops and
        drop cover, and each of the two is one and a half times the mean room at most when it is drawn."""
        return GATEWAYS * 2 * 1.5 * EXIT_ROOM * 1.05 * self.replies

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


def exact_bound(rate, late):
    """Of the count in a window of what comes once in every gap of 1 / rate, up to `late` seconds late:
    it does not grow with the window."""
    return ENDS + rate * late


def flight_variance(rate, mean_delay, hops):
    """Of how many of an even stream are in flight through `hops` exponential delays at one moment.

    It is the rate times the integral of F (1 - F), which is half the mean difference of two Erlang
    variables.
    """
    if hops == 0:
        return 0.0
    return rate * mean_delay * math.gamma(hops + 0.5) / (math.sqrt(math.pi) * math.gamma(hops))


def loops_flight(mixes, mean_delay):
    """Variance of how many relays' loops are between their sender and the gateway that they pass.

    Loops are a Poisson process, so it is their mean: one sent from layer 3 is there at once, one from
    layer 2 after one delay, one from layer 1 after two, a gateway's own after three.
    """
    delays = sum(mixes * (LAYERS - layer) for layer in range(1, LAYERS + 1)) + GATEWAYS * LAYERS
    return RELAY_LOOPS * mean_delay * delays


def mean_hold(mean_delay):
    """The mean of an exponential delay that is drawn again above ten means."""
    cut = math.exp(-10)
    return mean_delay * (1 - 10 * cut / (1 - cut))


def hold_bounds(mean_delay, packets):
    mean, spread = mean_hold(mean_delay), HOLD_SIGMAS / math.sqrt(packets)
    return mean * (1 - spread) - HALF_TICK, mean * (1 + spread) + HALF_TICK


def least_mean(mean_delay, count):
    """Below it the mean of `count` exponential delays lies once in 16,000 times, as SIGMAS are.

    Chernoff: the chance of a mean below x is at most exp(-count (x - 1 - ln x)), in units of the mean.
    """
    wanted, low, high = math.log(16_000) / count, 1e-9, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if middle - 1 - math.log(middle) > wanted:
            low = middle
        else:
            high = middle
    return mean_delay * low
