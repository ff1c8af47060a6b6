"""What a running relay takes of a newer document or configuration, and what it says of itself meanwhile."""
import json
import os
import re
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, FAILURE, RELAY, SHORT_SECONDS, OfflineNetwork  # noqa: E402
from seizure import family_of  # noqa: E402

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

    def tell(self, verb, *more):
        done = subprocess.run([RELAY, verb, "--config", self.config, *more], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        return done.stdout

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
            return answer.read().decode()

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
        """Sends SIGHUP; the line about the reload. The lines before it are in self.before."""
        relay.send_signal(HANGUP)
        self.before = ""
        for line in relay.stdout:
            if "reloaded" in line:
                return line
            self.before += line
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
        first = (self.folder / "document").read_text()
        self.sign_validity(-60, 2 * HOUR)
        self.assertNotIn("evidence", self.status())
        self.assertIn("nightjar_directory_conflict 0", self.metrics())
        self.assertIn("two different network documents", self.reloaded(relay))
        self.assertIn("ALARM", self.before)
        self.assertEqual(self.status()["document_valid_until"], held)
        self.assertFalse(self.status()["reload_ok"])
        self.assertIn("nightjar_directory_conflict 1", self.metrics())
        evidence = self.status()["evidence"]
        self.assertEqual(evidence["epoch"], self.status()["epoch"])
        kept = list(Path(evidence["folder"]).iterdir())
        self.assertEqual({file.read_text() for file in kept}, {first, (self.folder / "document").read_text()})
        listed = self.tell("disclose", "--json")
        for file in kept:
            mine = [one for one in json.loads(listed)["files"] if one["path"] == str(file)]
            self.assertEqual([one["kind"] for one in mine], ["public"])
        self.assertIn("ALARM", self.tell("status"))
        self.stop(relay)
        verify = [AUTHORITY, "verify", *kept, "--network", self.folder / "network.yaml"]
        said = subprocess.run(verify, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertEqual(said.returncode, FAILURE, said.stderr)
        self.assertEqual(len(re.findall(r"^\S+: valid$", said.stdout, re.MULTILINE)), 2, said.stdout)
        self.assertIn("  signed both: ", said.stdout)

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


class Hangups(OfflineNetwork):
    """faults 47: a thousand SIGHUPs, every second one with a bad configuration, to an exit and its helpers."""
    ROUNDS = 500
    WARM_UP = 100
    GROWN_MAX = 2 << 20     # bytes; what one reload reads is some 20 kB, and the heap takes a step of 1 MB once
    SERVERS = ("127.0.0.1:53", "127.0.0.2:53")

    def setUp(self):
        super().setUp()
        self.sign()
        self.config = self.relays / "gate" / "relay.yaml"
        self.edited(lambda text: text.replace("dns: {servers: []}", f'dns: {{servers: ["{self.SERVERS[0]}"]}}'))

    def status(self):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.config.parent / "run" / "control.sock"))
            control.sendall(b'{"request": "status"}\n')
            return json.loads(control.makefile().readline())

    def until(self, **values):
        deadline = time.monotonic() + 20
        while not values.items() <= self.status().items():
            self.assertLess(time.monotonic(), deadline, values)
            time.sleep(0.005)

    def held(self, relay):
        """Open files of the relay and its helpers, and the bytes of memory that are the relay's own."""
        files = [len(os.listdir(f"/proc/{pid}/fd")) for pid in sorted(family_of(relay.pid))]
        text = Path(f"/proc/{relay.pid}/status").read_text(encoding="ascii")
        return files, int(re.search(r"^RssAnon:\s+(\d+) kB", text, re.M)[1]) << 10

    def test_a_thousand_hangups(self):
        good = self.config.read_text()
        other = good.replace(self.SERVERS[0], self.SERVERS[1]).replace("accept *:80", "accept *:81")
        relay = self.start()
        self.until(exit_finds_names=True, exit_connects=True)
        for number in range(self.ROUNDS):
            for text, taken in ((good + "colour: red\n", False), (other if number % 2 else good, True)):
                self.config.write_text(text)
                relay.send_signal(HANGUP)
                self.until(reload_ok=taken)
            if number == self.WARM_UP:
                time.sleep(0.5)   # the same holds here
                files, memory = self.held(relay)
        self.assertLess(self.held(relay)[1] - memory, self.GROWN_MAX)
        deadline = time.monotonic() + 5
        while self.held(relay)[0] != files:   # the connection of the last status may not be closed yet
            self.assertLess(time.monotonic(), deadline, (self.held(relay)[0], files))
            time.sleep(0.05)
        # It still does what a reload asks for, and its helpers are those of the start.
        epoch = self.status()["epoch"]
        self.sign_changed(next_epoch)
        relay.send_signal(HANGUP)
        self.until(epoch=epoch + 1, reload_ok=True, exit_finds_names=True, exit_connects=True)
        self.stop(relay)


if __name__ == "__main__":
    unittest.main(verbosity=0)
