"""`nightjar ping`: answered over a whole cascade, and not with any relay of the route stopped.

A ping rides in a slot that leaves anyway, so no relay's counter shows it. What shows that it takes the way it
names is that without any one relay of that way no answer comes, and that an answer takes as long as nine delays.
"""
import json
import math
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

import jsonschema

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import ROOT, NetworkTest  # noqa: E402
from nightjar_demo.law import least_mean  # noqa: E402
from nightjar_demo.metrics import difference, scrape  # noqa: E402

SCHEMA = json.loads((ROOT / "docs/interface/ping.schema.json").read_text(encoding="utf-8"))
PINGS = 5
CHANCE_LEAST = 1e-4     # a loss that drops explain less often than this is a failure
RECOVERY_SECONDS = 40


def chance_of(lost, count, share):
    """That at least so many of `count` are lost, if each is with this chance."""
    return sum(math.comb(count, k) * share**k * (1 - share)**(count - k) for k in range(lost, count + 1))


class Ping(NetworkTest):
    def ping(self, count=1):
        """Returns the exit code and the result of each ping. Any other output fails the test."""
        done = subprocess.run([self.net.program("nightjar"), "ping", "--config", self.net.client_config,
                               "--count", str(count), "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        said = f"exit code {done.returncode}: {done.stdout}{done.stderr}"
        self.assertIn(done.returncode, (0, 1), said)
        self.assertEqual(done.stderr, "", said)
        jsonschema.validate(json.loads(done.stdout), SCHEMA)
        pings = json.loads(done.stdout)["pings"]
        self.assertEqual(len(pings), count, said)
        self.assertEqual(done.returncode, int(any("error" in ping for ping in pings)), said)
        return pings

    def route(self):
        """The only way there is: (there, back)."""
        own = self.net.ask_client()[0]["gateway"]
        mixes = [mix.name for mix in sorted(self.net.mixes, key=lambda mix: mix.layer)]
        exits = [relay.name for relay in self.net.gateways if relay.name != own]
        return [own, *mixes, *exits], [*mixes, own]

    def test_0_status_says_in_words_that_loops_return(self):
        done = subprocess.run([self.net.program("nightjar"), "status", "--config", self.net.client_config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^link +up; loops return, \d+ % missing in the last minute$")

    def test_0_the_exit_and_the_mix_in_use_are_kept_for_the_next_run(self):
        there, _ = self.route()
        file = self.net.folder / "client" / "state" / "guards.yaml"
        self.assertTrue(file.exists(), "the client stores what it keeps")
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        names = dict(re.findall(r"^relay ([0-9a-f]{64})\n(?:relay\..*\n)*?relay\.name (.*)$",
                                (self.net.folder / "document").read_text(), re.M))
        kept = [names[relay] for relay in re.findall(r'relay: "([0-9a-f]{64})"', file.read_text())]
        self.assertEqual(kept, [there[-1], there[2]])

    def test_1_answered_by_the_way_that_there_is(self):
        """A ping is answered, or relays drop so much that it may be lost: on a busy machine they drop what is late."""
        there, back = self.route()
        before = {relay.name: scrape(relay) for relay in self.net.relays}
        pings = self.ping(PINGS)
        after = {relay.name: scrape(relay) for relay in self.net.relays}
        answered = [ping for ping in pings if "error" not in ping]
        lost = [ping for ping in pings if "error" in ping]
        self.assertEqual(lost, [{"error": "no answer"}] * len(lost))
        for ping in answered:
            self.assertEqual((ping["there"], ping["back"]), (there, back))
        shares = {name: (sum(after[name]["dropped"].values()) - sum(before[name]["dropped"].values()))
                  / difference(after[name], before[name])["packets_in"] for name in after}
        share = min(1, sum(shares[name] for name in there + back))
        print(f"measured: {len(lost)} of {PINGS} pings lost; relays drop {share:.2%} of what goes that way")
        self.assertGreaterEqual(chance_of(len(lost), PINGS, share), CHANCE_LEAST, shares)
        self.assertLess(len(lost), PINGS)
        delays, seconds = len(there + back), [ping["round_trip_ms"] / 1000 for ping in answered]
        self.assertGreater(sum(seconds) / len(seconds),
                           delays * least_mean(self.net.law.mean_delay, delays * len(seconds)))

    def test_2_no_answer_with_any_relay_of_the_way_stopped(self):
        there, _ = self.route()
        self.assertEqual(sorted(there), sorted(relay.name for relay in self.net.relays))
        for name in there:
            relay = self.net.relay(name)
            with self.subTest(stopped=name):
                self.assertTrue(self.answered_within(RECOVERY_SECONDS), f"no answer before {name} is stopped")
                self.assertEqual(self.processes.stop(name), 0)
                self.assertIn("error", self.ping()[0])
                self.net.start_relay(relay)
                self.net.wait_active(relay)
                self.assertTrue(self.answered_within(RECOVERY_SECONDS), f"no answer after {name} came back")

    def answered_within(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if "error" not in self.ping()[0]:
                return True
            time.sleep(1)
        return False

    def test_3_status_reads_as_json(self):
        done = subprocess.run([self.net.program("nightjar"), "status", "--config", self.net.client_config,
                               "--json"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["mode"], "lab")
        self.assertEqual(json.loads(done.stdout)["link"]["silent_s"], None)


if __name__ == "__main__":
    unittest.main(verbosity=0)
