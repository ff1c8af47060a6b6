"""What a running relay takes of a newer document or configuration, and what it says of itself meanwhile."""
import json
import re
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import RELAY, SHORT_SECONDS, OfflineNetwork  # noqa: E402

HOUR = 3600
HANGUP = 1


def next_epoch(facts):
    return re.sub(r"^epoch (\d+)$", lambda match: f"epoch {int(match[1]) + 1}", facts, flags=re.MULTILINE)


class Reload(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()
        self.http = f"{self.claim.network}.20:9464"
        self.edited(lambda text: text.replace('metrics: {listen: "off"}', f'metrics: {{listen: "{self.http}"}}'))

    def status(self):
        done = subprocess.run([RELAY, "status", "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        return json.loads(done.stdout)

    def until(self, state, seconds):
        deadline = time.monotonic() + seconds
        while self.status()["state"] != state and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(self.status()["state"], state)

    def ready(self):
        """Code and text of the probe."""
        try:
            with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5) as answer:
                return answer.status, answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode().strip()

    def reloaded(self, relay):
        """Sends SIGHUP; the line about the reload."""
        relay.send_signal(HANGUP)
        for line in relay.stdout:
            if "reloaded" in line:
                return line
        self.fail("it ended without a line about the reload")

    def epoch_of_document(self):
        return int(re.search(r"^epoch (\d+)$", (self.folder / "document").read_text(), re.MULTILINE)[1])

    def test_a_newer_document_is_taken(self):
        relay = self.start()
        self.sign_changed(next_epoch)
        self.assertNotIn("nothing reloaded", self.reloaded(relay))
        self.assertEqual(self.status()["epoch"], self.epoch_of_document())
        self.assertTrue(self.status()["reload_ok"])
        self.stop(relay)

    def test_two_documents_of_one_epoch_are_a_conflict(self):
        relay = self.start()
        held = self.status()["document_valid_until"]
        self.sign_validity(-60, 2 * HOUR)
        self.assertIn("two different network documents", self.reloaded(relay))
        self.assertEqual(self.status()["document_valid_until"], held)
        self.assertFalse(self.status()["reload_ok"])
        self.stop(relay)

    def test_another_epoch_length_needs_a_restart(self):
        relay = self.start()
        held = self.status()["epoch"]
        mine = f"epoch-length-s {self.epoch_seconds}"
        self.sign_changed(lambda facts: next_epoch(facts).replace(mine, "epoch-length-s 1740"))
        self.assertIn("restart the relay", self.reloaded(relay))
        self.assertEqual(self.status()["epoch"], held)
        self.stop(relay)

    def test_the_document_says_the_layer(self):
        """Several authorities choose it themselves, whatever relay.yaml says."""
        relay = self.start()
        self.assertEqual(self.status()["layer"], 1)
        self.sign_changed(lambda facts: next_epoch(facts).replace("relay.layer 1", "relay.layer 2"))
        self.assertNotIn("nothing", self.reloaded(relay))
        self.assertEqual(self.status()["layer"], 2)
        self.stop(relay)

    def test_a_reload_is_applied_whole_or_not_at_all(self):
        """The document is good and the configuration is not: the relay takes neither."""
        relay = self.start()
        held = self.status()["epoch"]
        self.sign_changed(next_epoch)
        self.edited(lambda text: text.replace("workers: 2", "workers: 1"))
        self.assertIn("a restart is needed to change workers", self.reloaded(relay))
        self.assertEqual(self.status()["epoch"], held)
        self.stop(relay)

    def test_a_document_with_other_keys_of_this_relay(self):
        relay = self.start()
        mine = self.status()["identity"]

        def change(facts):
            before, block = next_epoch(facts).split(f"relay {mine}\n")
            changed = re.sub(r"relay.next-mix-key .*", "relay.next-mix-key " + 32 * "5a", block, count=1)
            return f"{before}relay {mine}\n{changed}"
        self.sign_changed(change)
        self.assertNotIn("nothing reloaded", self.reloaded(relay))
        self.assertEqual(self.status()["state"], "not_listed")
        self.assertEqual(self.ready(), (503, "not ready: not_listed"))
        self.stop(relay)

    def test_an_expired_relay_says_so_and_takes_the_next_document_by_itself(self):
        self.sign_validity(-60, SHORT_SECONDS)
        relay = self.start()
        self.assertEqual(self.ready(), (200, "ready"))
        self.until("document_expired", 20)
        self.assertEqual(self.ready(), (503, "not ready: document_expired"))
        self.until_said(relay, "state document_expired", 20)    # it has looked at its state, and at the document
        self.sign("--next")
        self.sign_validity(-60, HOUR)
        self.until("active", 20)
        self.assertEqual(self.ready(), (200, "ready"))
        self.until_said(relay, "state active", 20)
        self.stop(relay)


if __name__ == "__main__":
    unittest.main(verbosity=0)
