"""Documents that are not valid now, as with a wrong clock: rows 27, 36 and 44 of the table of faults.

To the programs, a document that begins in an hour looks like a clock that is an hour slow, and one that ended an hour
ago like a fast clock. `status` shows a relay's state while its document expires.
"""
import json
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import CLIENT, NOT_READY, RELAY, SHORT_SECONDS, OfflineNetwork  # noqa: E402

HOUR = 3600


class Clock(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()

    def status(self):
        done = subprocess.run([RELAY, "status", "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        return json.loads(done.stdout)["state"]

    def until(self, state, seconds):
        deadline = time.monotonic() + seconds
        while self.status() != state:
            self.assertLess(time.monotonic(), deadline, self.status())
            time.sleep(0.2)

    def says(self, process, first, *words):
        """Expects that the next line that contains `first` also contains all the other words."""
        for line in process.stdout:
            if first in line:
                for word in words:
                    self.assertIn(word, line)
                return
        self.fail(f"the process ended without a line about {first}")

    # --- a relay ---
    def test_a_document_that_is_signed_anew_counts(self):
        """Shows that the refusals below are caused by the time, not by the signature."""
        self.sign_validity(-60, HOUR)
        self.stop(self.start())

    def test_expired(self):
        self.sign_validity(-3 * HOUR, -HOUR)
        self.refuses(NOT_READY, "document", "expired at", "clock says", "get a newer document")

    def test_expired_this_second(self):
        self.sign_validity(-HOUR, 0)
        self.refuses(NOT_READY, "expired at")

    def test_valid_in_an_hour(self):
        self.sign_validity(HOUR, 2 * HOUR)
        self.refuses(NOT_READY, "document", "valid only from", "clock says", "set the clock")

    def test_check_says_the_same_and_starts_nothing(self):
        self.sign_validity(-3 * HOUR, -HOUR)
        self.refuses(NOT_READY, "expired at", arguments=["check", "--config", self.config])

    def test_a_running_relay_says_that_its_document_has_expired_and_takes_the_next(self):
        self.sign_validity(-60, SHORT_SECONDS)
        relay = self.start()
        self.assertEqual(self.status(), "active")
        self.until("document_expired", 20)
        self.sign("--next")
        self.sign_validity(-60, HOUR)
        relay.send_signal(1)
        self.until("active", 20)
        self.stop(relay)

    def test_two_documents_of_one_epoch_keep_the_first(self):
        relay = self.start()
        self.sign_validity(-60, HOUR)
        relay.send_signal(1)
        self.says(relay, "nothing reloaded", "two different network documents", "ask the authorities")
        self.assertEqual(self.status(), "active")
        self.stop(relay)

    def set_clock_record(self, hours):
        """Lets the relay find a record that says that the clock stood `hours` lower when it last ran."""
        record = self.relays / "mix" / "run" / "clock"
        lines = record.read_text().splitlines()
        name, difference = lines[1].split()
        self.assertEqual(name, "difference-ms")
        lines[1] = f"{name} {int(difference) - hours * HOUR * 1000}"
        record.write_text("\n".join(lines) + "\n")

    def test_a_clock_that_has_jumped_by_three_hours_is_a_state_until_it_is_confirmed(self):
        keys = sorted(file.name for file in (self.relays / "mix" / "run").glob("*.key"))
        self.set_clock_record(3)
        relay = self.start()
        done = subprocess.run([RELAY, "status", "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        status = json.loads(done.stdout)
        self.assertEqual(status["state"], "clock_jumped")
        self.assertAlmostEqual(status["clock_jumped"]["clock"] - status["clock_jumped"]["kept"], 3 * HOUR, delta=2)
        self.assertLessEqual(set(keys), {file.name for file in (self.relays / "mix" / "run").glob("*.key")})
        self.says(relay, "state clock_jumped", "clock says", "the relay goes by", "confirm-clock")
        done = subprocess.run([RELAY, "confirm-clock", "--config", self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("goes by this machine's clock now", done.stdout)
        self.assertEqual(self.status(), "active")
        self.says(relay, "the operator has confirmed this machine's clock")
        done = subprocess.run([RELAY, "confirm-clock", "--config", self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        self.assertIn("has not jumped", done.stdout)
        self.stop(relay)

    def test_an_expired_document_at_reload_leaves_the_one_in_use(self):
        relay = self.start()
        self.sign_validity(-3 * HOUR, -HOUR)
        relay.send_signal(1)
        self.says(relay, "nothing reloaded", "expired at")
        self.assertEqual(self.status(), "active")
        self.stop(relay)

    # --- a client: it stores a document, and must fetch another from a gateway if that one is not
    # valid ---
    def client_refuses(self, *words):
        config = self.init_client()
        self.edited(lambda text: text.replace("ready_timeout: 2m", "ready_timeout: 2s"), config)
        (self.folder / "client" / "state").mkdir(mode=0o700)
        (self.folder / "client" / "state" / "document.txt").write_text((self.folder / "document").read_text())
        done = subprocess.run([CLIENT, "run", "--config", config], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=20)
        self.assertEqual(done.returncode, NOT_READY, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_client_with_an_expired_document_and_no_gateway(self):
        self.sign_validity(-3 * HOUR, -HOUR)
        self.client_refuses("was valid until", "set the clock", "no link to a gateway")

    def test_client_with_an_early_document_and_no_gateway(self):
        self.sign_validity(HOUR, 2 * HOUR)
        self.client_refuses("is valid from", "set the clock", "no link to a gateway")

    def test_client_whose_gateways_are_all_away(self):
        self.client_refuses("not ready after 2 s", "no link to the gateway")

    def test_client_keeps_no_document_with_an_operator_in_two_positions(self):
        self.sign_changed(lambda facts: facts.replace("operator gate", "operator mix"))
        self.client_refuses("not using the kept document", "operator mix has two positions: ")

    def test_client_keeps_no_changed_document(self):
        text = (self.folder / "document").read_text()
        (self.folder / "document").write_text(text.replace("operator gate", "operator door"))
        self.client_refuses("not using the kept document", "signature")


if __name__ == "__main__":
    unittest.main(verbosity=0)
