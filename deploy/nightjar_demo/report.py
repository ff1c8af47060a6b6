"""The demo's results as text and JSON: relays, comparisons with the traffic law, transfers."""
import json

from .checks import hold_findings, law_hold_ms, mean_hold_ms, record_lengths
from .metrics import scrape
from .progress import DemoError, say, table


def reasons(values):
    dropped = {reason: int(n) for reason, n in values["dropped"].items() if n}
    return " ".join(f"{reason}:{n}" for reason, n in dropped.items()) or "0"


def print_relays(network, totals):
    rows = [(relay.name, f"{v['packets_in']:.0f}", f"{v['packets_out']:.0f}", reasons(v),
             f"{mean_hold_ms(v):.1f} / {law_hold_ms(network.law):.1f}",
             f"{v['loops_sent']:.0f} / {v['loops_returned']:.0f}")
            for relay in network.relays for v in [totals[relay.name]]]
    table(rows, ("relay", "packets in", "out", "dropped", "held ms / expected",
                 "loops sent / returned"))


def print_findings(findings):
    table([(f.window, f.what, f"{f.measured:.2f}", f"{f.law:.2f}", f"{f.bound:.2f}", f"{f.dropped:.2f}", f.unit,
            "yes" if f.ok else "NO") for f in findings],
          ("window", "quantity", "measured", "expected", "±", "dropped", "unit", "within"))


def print_transfers(transfers):
    table([(t.what, f"{t.first_byte:.2f} s", f"{t.total:.2f} s", f"{t.goodput / 1000:.1f} kB/s")
           for t in transfers], ("transfer", "first byte", "total", "goodput"))


class Report:
    def __init__(self, network, options):
        self.network, self.options = network, options
        self.windows, self.transfers, self.pings, self.stopped = [], [], [], []
        self.totals = {}

    def collect(self):
        self.totals = {relay.name: scrape(relay) for relay in self.network.relays}
        self.findings = [f for window in self.windows for f in window.findings()]
        self.findings += hold_findings(self.network, self.totals)
        self.strange = record_lengths(self.network)

    def show(self):
        law = self.network.law
        say("\nRelays (packets dropped by reason; mean time a packet is held, and the expected mean)")
        print_relays(self.network, self.totals)
        say(f"\nRates compared with the traffic law (U = {law.main_slots:g} slots per second)")
        print_findings(self.findings)
        say(f"\nTransfers (expected: two round trips {2 * law.round_trip:.2f} s; at most "
            f"{law.goodput_down / 1000:.0f} kB/s down, {law.goodput_up / 1000:.0f} kB/s up)")
        print_transfers(self.transfers)

    def show_stopped(self):
        for name, outcome in self.stopped:
            say(f"  with {name} stopped: {outcome}")

    def as_json(self):
        law = self.network.law
        return {
            "main_slots": law.main_slots, "mixes_per_layer": law.mixes,
            "law": {"uplink": law.uplink, "replies": law.replies, "down": law.down,
                    "round_trip": law.round_trip, "goodput_down": law.goodput_down,
                    "goodput_up": law.goodput_up, "mean_hold_ms": law_hold_ms(law)},
            "relays": {name: {**values, "mean_hold_ms": mean_hold_ms(values)}
                       for name, values in self.totals.items()},
            "findings": [{**vars(f), "ok": f.ok} for f in self.findings],
            "transfers": [t.as_json() for t in self.transfers],
            "pings_ms": self.pings,
            "stopped": [{"relay": name, "outcome": outcome} for name, outcome in self.stopped],
            "unexpected_records": [{"type": kind, "length": length, "count": count}
                                   for (kind, length), count in self.strange.items()],
        }

    def write(self):
        if self.options.json:
            with open(self.options.json, "w", encoding="utf-8") as out:
                json.dump(self.as_json(), out, indent=1)
                out.write("\n")

    def verdict(self):
        """Raises DemoError with all failed checks."""
        wrong = [f.sentence() for f in self.findings if not f.ok]
        wrong += [f"{count} unexpected records of type {kind} and {length} bytes on an established link"
                  for (kind, length), count in self.strange.items()]
        if wrong:
            raise DemoError("the network breaks the traffic law:\n  " + "\n  ".join(wrong))
