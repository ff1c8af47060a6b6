"""`nightjar ping`: answered over a whole cascade, and not with any relay of the route stopped."""
import json
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.metrics import scrape  # noqa: E402

THERE, BACK = 5, 4  # relays


class Ping(NetworkTest):
    def ping(self, count=1):
        """The exit code, and what became of each ping; whatever else it said fails the test."""
        done = subprocess.run([self.net.program("nightjar"), "ping", "--config", self.net.client_config,
                               "--count", str(count), "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        said = f"exit code {done.returncode}: {done.stdout}{done.stderr}"
        self.assertIn(done.returncode, (0, 1), said)
        self.assertEqual(done.stderr, "", said)
        pings = json.loads(done.stdout)["pings"]
        self.assertEqual(len(pings), count, said)
        self.assertEqual(done.returncode, int(any("error" in ping for ping in pings)), said)
        return pings

    def test_1_each_relay_of_the_route_counts_it(self):
        """A ping is answered, or a relay has dropped it or its answer: on a busy machine they drop what is late."""
        before = {relay.name: scrape(relay) for relay in self.net.relays}
        pings = self.ping(3)
        after = {relay.name: scrape(relay) for relay in self.net.relays}
        answered = [ping for ping in pings if "error" not in ping]
        dropped = {(name, reason): count - before[name]["dropped"][reason]
                   for name in after for reason, count in after[name]["dropped"].items()}
        self.assertTrue(answered, dropped)
        for ping in answered:
            self.assertGreater(ping["round_trip_ms"], 0)
            self.assertEqual((len(ping["there"]), len(ping["back"])), (THERE, BACK), ping)
        lost = [ping for ping in pings if ping not in answered]
        self.assertEqual(lost, [{"error": "no answer"}] * len(lost))
        self.assertLessEqual(len(lost), sum(dropped.values()), "a ping was lost that no relay has dropped")
        for relay in self.net.relays:
            self.assertGreater(after[relay.name]["packets_in"], before[relay.name]["packets_in"])

    def test_2_no_answer_with_any_mix_stopped(self):
        for mix in self.net.mixes:
            with self.subTest(stopped=mix.name):
                self.assertEqual(self.processes.stop(mix.name), 0)
                self.assertIn("error", self.ping()[0])
                self.net.start_relay(mix)
                self.net.wait_active(mix)
                self.assertTrue(self.answered_within(40), f"no answer after {mix.name} came back")

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


if __name__ == "__main__":
    unittest.main(verbosity=0)
