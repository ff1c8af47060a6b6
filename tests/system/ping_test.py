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


class Ping(NetworkTest):
    def ping(self, count=1):
        done = subprocess.run([self.net.program("nightjar"), "ping", "--config", self.net.client_config,
                               "--count", str(count), "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout

    def test_1_each_relay_of_the_route_counts_it(self):
        before = {relay.name: scrape(relay) for relay in self.net.relays}
        code, answer = self.ping(3)
        self.assertEqual(code, 0, answer)
        self.assertIn("round_trip", answer)
        for relay in self.net.relays:
            self.assertGreater(scrape(relay)["packets_in"], before[relay.name]["packets_in"])

    def test_2_no_answer_with_any_mix_stopped(self):
        for mix in self.net.mixes:
            with self.subTest(stopped=mix.name):
                self.assertEqual(self.processes.stop(mix.name), 0)
                code, answer = self.ping()
                self.assertEqual(code, 1, answer)
                self.net.start_relay(mix)
                self.net.wait_active(mix)
                self.assertTrue(self.answered_within(40), f"no answer after {mix.name} came back")

    def answered_within(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.ping()[0] == 0:
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
