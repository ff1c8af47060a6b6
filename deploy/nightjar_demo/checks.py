"""Measures windows of the running network and holds them against the traffic law."""
import time
from dataclasses import dataclass, field

from .law import DOWN_TOLERANCE, hold_bounds, mean_hold, poisson_bound
from .metrics import Records, difference, scrape

HOLD_PACKETS_LEAST = 1000
CELL_RECORD = 2433          # a cell's TLS record; 22 is a KeyUpdate, 19 a close
RECORDS_ALLOWED = {CELL_RECORD, 22, 19}
APPLICATION_DATA = 23


@dataclass
class Finding:
    """One measured value compared with the traffic law."""
    window: str
    what: str
    measured: float
    law: float
    bound: float
    unit: str
    seconds: float

    @property
    def ok(self):
        return abs(self.measured - self.law) <= self.bound

    def sentence(self):
        return (f"{self.window}: {self.what} {self.measured:.2f} {self.unit}, the law says "
                f"{self.law:.2f} ± {self.bound:.2f} over {self.seconds:.1f} s")


@dataclass
class Window:
    """The counters at both ends of a stretch of time."""
    name: str
    network: object
    before: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)

    def snapshot(self):
        status, at = self.network.ask_client()
        status["at"] = at
        return {"client": status, "wall": time.time(),
                **{relay.name: scrape(relay) for relay in self.network.relays}}

    def __enter__(self):
        self.before = self.snapshot()
        return self

    def __exit__(self, *failure):
        if failure[0] is None:
            self.after = self.snapshot()

    def change(self, name):
        if name == "client":
            keys = ("slots", "loops_sent", "replies", "down_cells", "slots_lost")
            change = {k: self.after["client"][k] - self.before["client"][k] for k in keys}
            change["seconds"] = self.after["client"]["at"] - self.before["client"]["at"]
            return change
        return difference(self.after[name], self.before[name])

    def rate(self, what, count, law_rate, seconds, bound=None):
        """A finding in events a second."""
        bound = poisson_bound(law_rate, seconds) if bound is None else bound
        return Finding(self.name, what, count / seconds, law_rate, bound / seconds, "a second",
                       seconds)

    def findings(self):
        law, client = self.network.law, self.change("client")
        seconds = client["seconds"]
        constant = law.down * seconds * DOWN_TOLERANCE
        found = [
            self.rate("client's uplink", client["slots"] + client["loops_sent"], law.uplink,
                      seconds),
            self.rate("client's replies", client["replies"], law.replies, seconds),
            self.rate("client's downlink", client["down_cells"], law.down, seconds, constant),
        ]
        own = self.after["client"]["gateway"]
        for relay in self.network.gateways:
            change = self.change(relay.name)
            expected = law.to_own_gateway if relay.name == own else law.to_exit
            role = "the client's gateway" if relay.name == own else "its exit"
            found.append(self.rate(f"layer 3 to {relay.name} ({role})", change["packets_in_relay"],
                                   expected, change["seconds"]))
        return found + self.wire_findings(own)

    def wire_findings(self, gateway):
        """The same from outside the product: cells on the client's link, counted on the wire."""
        relay = self.network.relay(gateway)
        if not relay.recorded:
            return []
        law, rows = self.network.law, Records(self.network.records(relay)).rows()
        link = Records.of_client(rows)
        begin, end = self.before["wall"], self.after["wall"]
        seconds = end - begin
        counts = {"up": 0, "down": 0}
        for row in rows:
            if row["connection"] == link and begin <= row["t"] < end \
                    and row["length"] == CELL_RECORD:
                counts[row["direction"]] += 1
        return [self.rate("cells up, on the wire", counts["up"], law.uplink, seconds),
                self.rate("cells down, on the wire", counts["down"], law.down, seconds,
                          law.down * seconds * DOWN_TOLERANCE)]


def hold_findings(network, totals):
    """Compares each mix's mean hold time with the network's mean delay."""
    found = []
    for relay in network.mixes:
        values = totals[relay.name]
        packets = values["held_packets"]
        if packets < HOLD_PACKETS_LEAST:
            found.append(Finding("whole run", f"{relay.name}: packets held", packets,
                                 HOLD_PACKETS_LEAST, 0, "packets", 0))
            continue
        low, high = hold_bounds(network.law.mean_delay, packets)
        found.append(Finding("whole run", f"{relay.name}: mean hold of {packets:.0f} packets",
                             values["held_seconds"] / packets * 1000, (low + high) * 500,
                             (high - low) * 500, "ms", 0))
    return found


def mean_hold_ms(values):
    packets = values["held_packets"]
    return values["held_seconds"] / packets * 1000 if packets else 0.0


def law_hold_ms(law):
    return mean_hold(law.mean_delay) * 1000


def record_lengths(network):
    """Lengths of records that should not be on any recorded link after its handshake."""
    strange = {}
    for relay in network.gateways:
        if not relay.recorded:
            continue
        established = set()
        for row in Records(network.records(relay)).rows():
            key = (row["connection"], row["direction"])
            if row["type"] != APPLICATION_DATA:
                continue
            # The handshake's last encrypted records come before a direction's first cell.
            if row["length"] == CELL_RECORD:
                established.add(key)
            elif key in established and row["length"] not in RECORDS_ALLOWED:
                strange[row["length"]] = strange.get(row["length"], 0) + 1
    return strange
