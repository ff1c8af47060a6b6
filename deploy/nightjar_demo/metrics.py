"""Reads the lab metrics of relays, as Prometheus would, and what the recorder wrote."""
import json
import re
import time
import urllib.request

from .progress import DemoError

LINE = re.compile(r"^nightjar_lab_(\w+?)(?:\{reason=\"(\w+)\"\})? ([0-9.e+-]+)$")


def scrape(relay):
    """Exact counters by name, drops by reason, and the moment at which they held."""
    before = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://{relay.metrics}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError as error:
        raise DemoError(f"{relay.name} does not show its metrics on {relay.metrics}: {error}") from error
    values = {"at": (before + time.monotonic()) / 2, "dropped": {}}
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        name, reason, value = match.groups()
        if reason:
            values["dropped"][reason] = float(value)
        else:
            values[name.removesuffix("_total")] = float(value)
    return values


def difference(after, before):
    gone = {k: after[k] - before[k] for k in after if k not in ("at", "dropped")}
    gone["seconds"] = after["at"] - before["at"]
    return gone


class Records:
    """TLS records of one gateway's links, as an observer of the wire sees them."""

    def __init__(self, path):
        self.path = path

    def rows(self):
        with open(self.path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    @staticmethod
    def of_client(rows):
        """The client's link is the one that much comes down on: between relays only padding does."""
        down = {}
        for row in rows:
            if row["direction"] == "down":
                down[row["connection"]] = down.get(row["connection"], 0) + 1
        return max(down, key=down.get, default=None)
