"""A real relay into which packets are lost answers, and says so. The others lose loops, and do not answer."""
import json
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.metrics import scrape  # noqa: E402

START = 60          # a relay judges no loop of its first minute
NOTICED = 30
HOUR = 3600
HOUR_NAME = "nightjar_loops_withheld_last_timestamp_seconds "


class Withheld(NetworkTest):
    mixes = 2
    drop_share = 0.8
    drops_at = ("mix-2a",)

    def status(self, relay):
        done = subprocess.run([self.net.program("nightjar-relay"), "status", "--config", relay.config, "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def hour(self, relay):
        with urllib.request.urlopen(f"http://{relay.metrics}/metrics", timeout=5) as answer:
            found = [line for line in answer.read().decode().splitlines() if line.startswith(HOUR_NAME)]
        self.assertEqual(len(found), 1)
        return float(found[0].removeprefix(HOUR_NAME))

    def test_only_the_relay_that_loses_packets_answers(self):
        attacked = next(relay for relay in self.net.relays if relay.name in self.drops_at)
        end = time.monotonic() + START + NOTICED
        while not self.status(attacked)["answering"]:
            self.assertLess(time.monotonic(), end, "no answer")
            time.sleep(1)
        time.sleep(3)
        seen = scrape(attacked)
        self.assertEqual(seen["answering"], 1)
        self.assertGreater(seen["drop_cover"], 100)
        hour = self.hour(attacked)
        self.assertEqual(hour % HOUR, 0)
        self.assertLess(abs(time.time() - hour), 2 * HOUR)
        log = self.processes.log(attacked.name).read_text(errors="replace")
        self.assertEqual(log.count("now sends drop cover"), 1)
        for relay in self.net.relays:
            if relay is attacked:
                continue
            self.assertIs(self.status(relay)["answering"], False, relay.name)
            self.assertEqual(self.hour(relay), 0, relay.name)
            other = scrape(relay)
            if relay.role == "mix":     # an exit fills a level with drop cover
                self.assertEqual(other["drop_cover"], 0, relay.name)
            self.assertEqual(other["loops_modified"], 0, relay.name)
            # Drop cover that ends at a gateway is no packet that went wrong.
            self.assertEqual(other["dropped"]["misrouted"], 0, relay.name)


if __name__ == "__main__":
    unittest.main(verbosity=0)
