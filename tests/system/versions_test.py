"""Two versions of Nightjar in one network: NIGHTJAR_OTHER_BUILD names the build folder of the other one.

`tests/versions COMMIT` builds a commit and runs this. Each test starts a network in which some programs are of the other
version, moves a file, and waits until keys have turned.
"""
import contextlib
import hashlib
import os
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from living_testnet import LivingTest  # noqa: E402
from testnet import PROGRAMS  # noqa: E402
from nightjar_demo import living, transfers  # noqa: E402

OTHER = Path(os.environ["NIGHTJAR_OTHER_BUILD"])
EPOCHS = 3              # the keys of the third are in use by nothing that has begun with the network
DOWNLOAD_SECONDS = 120
HALF = ("mix-1a", "mix-2b", "mix-3a", "gateway-b")


class TwoVersions(living.LivingNetwork):
    """`others` are the names of the programs' owners that run the other version: relays, authority, client."""
    others = frozenset()

    @contextlib.contextmanager
    def version_of(self, name):
        self.programs = OTHER if name in self.others else PROGRAMS
        try:
            yield
        finally:
            self.programs = PROGRAMS

    def make_keys(self):
        # What it calls for one relay chooses again.
        self.programs = OTHER if "authority" in self.others else PROGRAMS
        super().make_keys()

    def make_relay(self, relay):
        with self.version_of(relay.name):
            super().make_relay(relay)

    def start_relay(self, relay):
        with self.version_of(relay.name):
            super().start_relay(relay)

    def wait_active(self, relay):
        with self.version_of(relay.name):
            super().wait_active(relay)

    def admit(self, relay):
        with self.version_of("authority"):
            super().admit(relay)

    def start_authority(self):
        with self.version_of("authority"):
            super().start_authority()

    def make_client(self):
        with self.version_of("client"):
            super().make_client()

    def run_client(self):
        with self.version_of("client"):
            super().run_client()


class Versions(LivingTest):
    mixes = 2
    network = TwoVersions

    def status(self, relay):
        with self.net.version_of(relay.name):
            return super().status(relay)

    def download(self):
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return transfers.Curl(self.net).download(digest, DOWNLOAD_SECONDS)

    def network_of(self, *others):
        """Starts it, moves a file, and again when each key that the network began with has ended."""
        self.net.others = frozenset(others)
        self.start()
        first = self.net.epoch()
        self.download()
        self.until("the keys have turned", (EPOCHS + 1) * self.epoch_seconds, lambda: self.net.epoch() >= first + EPOCHS)
        self.all_active(first + EPOCHS - 1)
        self.download()

    def all_active(self, epoch):
        for relay in self.net.relays:
            self.until(f"{relay.name} has the keys of epoch {epoch}", 40, lambda relay=relay:
                       self.status(relay)["state"] == "active" and self.status(relay)["epoch"] >= epoch)

    def test_half_of_the_relays(self):
        self.network_of(*HALF)

    def test_half_of_the_relays_and_the_client(self):
        self.network_of(*HALF, "client")

    def test_the_authority(self):
        self.network_of("authority")

    def test_an_upgrade_one_program_at_a_time(self):
        """All are of the other version. One after another is stopped, and this version goes on with its files."""
        self.net.others = frozenset({"authority", "client", *(relay.name for relay in self.net.relays)})
        self.start()
        self.download()
        for relay in self.net.relays:
            self.assertEqual(self.processes.stop(relay.name), 0, relay.name)
            self.net.others -= {relay.name}
            self.net.start_relay(relay)
            self.net.wait_active(relay)
        self.assertEqual(self.processes.stop("authority"), 0)
        self.net.others -= {"authority"}
        self.net.start_authority()
        self.assertEqual(self.processes.stop("client"), 0)
        self.net.others -= {"client"}
        self.net.run_client()
        self.download()
        # And back, as an operator does whom the new version does not please.
        back = self.net.relay("gateway-a")
        self.assertEqual(self.processes.stop(back.name), 0)
        self.net.others |= {back.name}
        self.net.start_relay(back)
        self.net.wait_active(back)
        epoch = self.net.epoch() + 1
        self.until("an epoch has passed", 2.5 * self.epoch_seconds, lambda: self.net.epoch() > epoch)
        self.all_active(epoch)
        time.sleep(10)      # the client finds its way around the relays that were away
        self.download()


if __name__ == "__main__":
    unittest.main()
