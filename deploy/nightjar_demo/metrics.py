"""Reads the relays' lab metrics over HTTP, as Prometheus does, and the recorder's files."""
import json
import re
import time
import urllib.request

from .progress import DemoError

LINE = re.compile(r"^nightjar_lab_(\w+?)(?:\{reason=\"(\w+)\"\})? ([0-9.e+-]+)$")


def scrape(relay):
    """Returns a relay's exact counters by name, its drops by reason, and the time of the reading."""
    before = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://{relay.metrics}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError as error:
        raise DemoError(f"{relay.name}: no metrics from http://{relay.metrics}/: {error}") from error
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
    """The TLS records on one gateway's links, as an observer on the wire sees them."""

    def __init__(self, path):
        self.path = path

    def rows(self):
        with open(self.path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    @staticmethod
    def of_client(rows):
        """The client's link: it has the most records down. Relay links carry only padding down."""
        down = {}
        for row in rows:
            if row["direction"] == "down":
                down[row["connection"]] = down.get(row["connection"], 0) + 1
        return max(down, key=down.get, default=None)
