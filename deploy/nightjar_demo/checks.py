"""Compares what was measured of the running network with the traffic law."""
from dataclasses import dataclass

from .law import hold_bounds, mean_hold
from .metrics import Records

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
    dropped: float = 0      # the measured value may be lower by this too: relays counted these drops

    @property
    def ok(self):
        return self.law - self.bound - self.dropped <= self.measured <= self.law + self.bound

    def sentence(self):
        less = f", less at most {self.dropped:.2f} that relays dropped" if self.dropped else ""
        return (f"{self.window}: {self.what} {self.measured:.2f} {self.unit}, expected "
                f"{self.law:.2f} ± {self.bound:.2f}{less} over {self.seconds:.1f} s")


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


def strange_records(rows):
    """Counts, by (type, length), the forbidden records after the first cell of each direction."""
    strange, established = {}, set()
    for row in rows:
        kind = (row["type"], row["length"])
        end = (row["connection"], row["direction"])
        # The handshake's records, some of them of this type too, come before a direction's first cell.
        if kind == (APPLICATION_DATA, CELL_RECORD):
            established.add(end)
        elif end in established and (row["type"] != APPLICATION_DATA
                                     or row["length"] not in RECORDS_ALLOWED):
            strange[kind] = strange.get(kind, 0) + 1
    return strange


def record_lengths(network):
    """The sum of strange_records() over all recorded links."""
    strange = {}
    for relay in network.relays:
        if relay.recorded:
            for kind, count in strange_records(Records(network.records(relay)).rows()).items():
                strange[kind] = strange.get(kind, 0) + count
    return strange
