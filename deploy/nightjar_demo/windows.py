"""Measures the running network in windows of time and compares them with the traffic law.

The law is exact where it has one event a gap: a count in a window is the law's to a few events, however
long the window is. What the machine costs is never excused. It is accounted for: a client's lost slots
are subtracted from what is expected, and a relay's drops are all that may be missing.
"""
import bisect
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .checks import CELL_RECORD, Finding
from .law import (DOWN_TOLERANCE, DROPPED_SHARE, ENDS, GATEWAYS, KEEP_ALIVE, LAYERS, LOST_SHARE, RELAY_LOOPS, SIGMAS,
                  SLOT_LATE, TICK_LATE, exact_bound, flight_variance, loops_flight)
from .metrics import Records, difference, scrape

COUNTED = ("slots", "loops_sent", "replies", "down_cells", "slots_lost")


@dataclass
class Moment:
    """The client's counters at `at` (monotonic time) and `wall`, known to `unsure` seconds."""
    status: dict
    at: float
    wall: float
    unsure: float

    @classmethod
    def of(cls, network):
        # What came due while the client stood still is counted at the latest by its second answer.
        network.ask_client()
        before = time.monotonic()
        status, after = network.ask_client()
        at = (before + after) / 2
        return cls(status, at, time.time() - time.monotonic() + at, (after - before) / 2)


class ClientWindow:
    """A window of time, seen by the client's own counters and on the wire of its link."""

    def __init__(self, name, network):
        self.name, self.network = name, network

    def __enter__(self):
        self.first = Moment.of(self.network)
        return self

    def __exit__(self, *failure):
        if failure[0] is None:
            self.last = Moment.of(self.network)
            before, after = self.first.status, self.last.status
            self.counts = {name: after[name] - before[name] for name in COUNTED}
            self.seconds = self.last.at - self.first.at
            self.unsure = self.first.unsure + self.last.unsure

    def rate(self, what, count, law_rate, bound, seconds=None, less=0, dropped=0):
        """Returns a finding in events per second; `less` events are known to be missing."""
        seconds = seconds or self.seconds
        return Finding(self.name, what, count / seconds, law_rate - less / seconds, bound / seconds,
                       "a second", seconds, dropped / seconds)

    def client_findings(self):
        law, counts = self.network.law, self.counts
        lost = counts["slots_lost"]
        due = law.uplink * self.seconds
        return [
            Finding(self.name, "slots that the client lost", lost, 0, LOST_SHARE * due, "in all", self.seconds),
            self.rate("client's uplink", counts["slots"] + counts["loops_sent"], law.uplink,
                      exact_bound(law.uplink, SLOT_LATE + self.unsure), less=lost),
            self.rate("client's downlink", counts["down_cells"], law.down, self.down_bound(self.unsure)),
            *self.wire_findings(),
        ]

    def down_bound(self, unsure):
        law = self.network.law
        return DOWN_TOLERANCE * law.down * self.seconds + exact_bound(law.down, unsure)

    def wire_findings(self):
        """The same check from outside the product: counts the cells on the client's link."""
        relay = self.network.relay(self.last.status["gateway"])
        if not relay.recorded:
            return []
        law, begin, end = self.network.law, self.first.wall, self.last.wall
        rows = Records(self.network.records(relay)).rows()
        link = Records.of_client(rows)
        cells = [row for row in rows if row["connection"] == link and row["length"] == CELL_RECORD]
        counts = {way: sum(row["direction"] == way and begin <= row["t"] < end for row in cells)
                  for way in ("up", "down")}
        times = sorted(row["t"] for row in cells)
        unsure = self.unsure + silence(times, begin) + silence(times, end)
        return [self.rate("cells up, on the wire", counts["up"], law.uplink,
                          exact_bound(law.uplink, SLOT_LATE + unsure), less=self.counts["slots_lost"]),
                self.rate("cells down, on the wire", counts["down"], law.down, self.down_bound(unsure))]

    def wrong(self):
        return [finding.sentence() for finding in self.client_findings() if not finding.ok]


def silence(times, moment):
    """The gap between records around a moment: an event before it may be recorded that much later."""
    place = bisect.bisect_left(times, moment)
    before = times[place - 1] if place > 0 else moment
    return (times[place] if place < len(times) else moment) - before


class Window(ClientWindow):
    """The counters of every relay too."""

    def __enter__(self):
        super().__enter__()
        self.before = self.scrape_all()
        return self

    def __exit__(self, *failure):
        if failure[0] is None:
            self.after = self.scrape_all()
        super().__exit__(*failure)

    def scrape_all(self):
        """Of all relays as nearly at once as possible."""
        relays = self.network.relays
        with ThreadPoolExecutor(len(relays)) as all_at_once:
            return dict(zip([relay.name for relay in relays], all_at_once.map(scrape, relays)))

    def findings(self):
        change = {name: difference(self.after[name], self.before[name]) for name in self.after}
        dropped = sum(self.after[name]["dropped"][reason] - count
                      for name in self.before for reason, count in self.before[name]["dropped"].items())
        packets = sum(values["packets_in"] for values in change.values())
        own = self.last.status["gateway"]
        missed = sum(values["ticks_missed"] for values in change.values())
        return [*self.client_findings(), self.replies_finding(missed, dropped),
                Finding(self.name, "packets that relays dropped", dropped, 0, DROPPED_SHARE * packets, "in all",
                        self.seconds),
                self.loops_finding(change), *self.last_layer_findings(change, own, dropped)]

    def loops_finding(self, change):
        """A Poisson process at each relay. What exits send to fill their levels follows from these, and from chance."""
        law_rate = RELAY_LOOPS * len(change)
        return self.rate("loops of all relays",
                         sum(values["loops_sent"] - values["fill_loops"] for values in change.values()),
                         law_rate, SIGMAS * math.sqrt(law_rate * (self.seconds + self.apart())))

    def replies_finding(self, missed, dropped):
        """One leaves its exit in every gap. Four delays, and the gateway's queue, lie between."""
        law = self.network.law
        bound = exact_bound(law.replies, TICK_LATE + self.unsure) + ENDS
        bound += SIGMAS * math.sqrt(2 * flight_variance(law.replies, law.mean_delay, LAYERS + 1))
        return self.rate("client's replies", self.counts["replies"], law.replies, bound, less=missed,
                         dropped=dropped)

    def last_layer_findings(self, change, own, dropped):
        """Packets from layer 3 to the gateways: the client's, relays' loops, and the cover of exits.

        All are counted where they begin, so of the sum only what is in flight at either end is unknown,
        and what was sent while the counters were read one after the other. Which gateway a mix's loop
        takes is a coin's toss, so each alone is known to a binomial deviation.
        """
        law, mixes = self.network.law, self.network.mixes
        per_second = {name: values["loops_sent"] / values["seconds"] for name, values in change.items()}
        by_mixes = sum(per_second[mix.name] for mix in mixes)
        slots, loops = (self.counts[name] / self.seconds for name in ("slots", "loops_sent"))
        replies = sum(values["replies"] / values["seconds"] for values in change.values())
        # An exit's own loops come back to it. Its drop cover goes to the other exit.
        drops = {name: values["drop_cover"] / values["seconds"] for name, values in change.items()}
        cover = sum(drops.values()) + sum(values["fill_loops"] / values["seconds"] for values in change.values())
        flights = [flight_variance(law.main_slots, law.mean_delay, LAYERS + 1),
                   flight_variance(law.replies, law.mean_delay, LAYERS),
                   flight_variance(law.loops, law.mean_delay, LAYERS + 1),
                   loops_flight(law.mixes, law.mean_delay), cover * LAYERS * law.mean_delay]
        in_flight = 2 * sum(flights) + self.apart() * (by_mixes + slots + loops + replies + cover)
        found, total, expected = [], 0, 0
        for relay in self.network.gateways:
            seconds, is_own = change[relay.name]["seconds"], relay.name == own
            rate = (replies + loops if is_own else slots) + per_second[relay.name] + by_mixes / 2
            rate += sum(drops.values()) - drops[relay.name]
            bound = ENDS + SIGMAS * math.sqrt(by_mixes * seconds / 4 + in_flight)
            role = "the client's gateway" if is_own else "its exit"
            arrived = change[relay.name]["packets_in_relay"]
            found.append(self.rate(f"layer 3 to {relay.name} ({role})", arrived, rate, bound, seconds,
                                   dropped=dropped))
            total, expected = total + arrived / seconds, expected + rate
        return found + [self.rate("layer 3 to both", total * self.seconds, expected,
                                  2 * ENDS + SIGMAS * math.sqrt(in_flight), dropped=dropped)]

    def hop_findings(self):
        """Cells from relay to relay on the wire, in each of the four steps of a route. Every packet takes
        each step once: the client's, its replies, and the relays' loops. So all four sums are the law's
        slots, loops and replies, and the loops and drop cover that the relays say they sent. Every relay is
        recorded."""
        law, relays = self.network.law, self.network.relays
        begin, end = self.first.wall, self.last.wall
        loops = sum(self.after[r.name][what] - self.before[r.name][what] for r in relays
                    for what in ("loops_sent", "drop_cover"))
        replies = sum(self.after[r.name]["replies"] - self.before[r.name]["replies"] for r in relays)
        expected = self.counts["slots"] + self.counts["loops_sent"] + replies + loops
        rate = expected / self.seconds
        # Clients' packets come evenly, loops by chance: so many more or fewer are on their way at either end.
        flights = [flight_variance(law.uplink + law.replies, law.mean_delay, LAYERS + 1),
                   loops / self.seconds * law.mean_delay * (LAYERS + 1)]
        bound = 2 * ENDS + SIGMAS * math.sqrt(2 * sum(flights) + self.apart() * rate)
        found = []
        for step in ("the gateways to layer 1", "layer 1 to 2", "layer 2 to 3", "layer 3 to the gateways"):
            layer = (len(found) + 1) % (LAYERS + 1)
            arriving = [relay for relay in relays if relay.layer == layer]
            cells = sum(self.cells_between(relay, begin, end) for relay in arriving)
            paddings = len(arriving) * max(GATEWAYS, law.mixes) * math.ceil(self.seconds / KEEP_ALIVE)
            found.append(self.rate(f"cells from {step}, on the wire", cells, rate, bound + paddings))
        return found

    def cells_between(self, relay, begin, end):
        """Cells that other relays sent to this one."""
        rows = Records(self.network.records(relay)).rows()
        client = Records.of_client(rows) if relay.name == self.last.status["gateway"] else None
        return sum(row["direction"] == "up" and row["length"] == CELL_RECORD and row["connection"] != client
                   and begin <= row["t"] < end for row in rows)

    def apart(self):
        """Seconds that lie between the first and the last counter that was read, at both ends."""
        spans = []
        for moment, scraped in ((self.first, self.before), (self.last, self.after)):
            times = [moment.at, *(values["at"] for values in scraped.values())]
            spans.append(max(times) - min(times))
        return sum(spans)
