"""Two versions of Nightjar in one network: NIGHTJAR_OTHER_BUILD names the build folder of the other one.

`tests/versions COMMIT` builds a commit and runs this. Each test starts a network in which some programs are of the other
version, moves a file, and waits until keys have turned.
"""
import contextlib
import hashlib
import os
import re
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


class Mixed:
    """`others` are the names of the programs' owners that run the other version: relays, authorities, client."""
    others = frozenset()

    @contextlib.contextmanager
    def version_of(self, name):
        self.programs = OTHER if name in self.others else PROGRAMS
        try:
            yield
        finally:
            self.programs = PROGRAMS

    def make_relay(self, relay):
        with self.version_of(relay.name):
            super().make_relay(relay)

    def start_relay(self, relay):
        with self.version_of(relay.name):
            super().start_relay(relay)

    def wait_active(self, relay):
        with self.version_of(relay.name):
            super().wait_active(relay)

    def make_client(self):
        with self.version_of("client"):
            super().make_client()

    def run_client(self):
        with self.version_of("client"):
            super().run_client()


class TwoVersions(Mixed, living.LivingNetwork):
    def make_keys(self):
        # What it calls for one relay chooses again.
        self.programs = OTHER if "authority" in self.others else PROGRAMS
        super().make_keys()

    def admit(self, relay):
        with self.version_of("authority"):
            super().admit(relay)

    def start_authority(self):
        with self.version_of("authority"):
            super().start_authority()


class TwoVersionsCouncil(Mixed, living.CouncilNetwork):
    def init_authority(self, folder, listen):
        with self.version_of(folder.name):
            super().init_authority(folder, listen)

    def set_parameters(self, folder):
        super().set_parameters(folder)
        # Operators agree on parameters. Versions differ in those that `init` writes for a new network.
        file = folder / "authority.yaml"
        text = file.read_text(encoding="utf-8")
        if "exit_room" not in text:
            file.write_text(text + "  exit_room: 1\n", encoding="utf-8")

    def assemble(self, folder):
        with self.version_of(folder.name):
            super().assemble(folder)

    def admit_at(self, folder, relay):
        with self.version_of(folder.name):
            super().admit_at(folder, relay)

    def start_one(self, number):
        with self.version_of(self.authorities[number].name):
            super().start_one(number)


class VersionsTest(LivingTest):
    mixes = 2

    def status(self, relay):
        with self.net.version_of(relay.name):
            return super().status(relay)

    def download(self):
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        return transfers.Curl(self.net).download(digest, DOWNLOAD_SECONDS)

    def all_active(self, epoch):
        for relay in self.net.relays:
            self.until(f"{relay.name} has the keys of epoch {epoch}", 40, lambda relay=relay:
                       self.status(relay)["state"] == "active" and self.status(relay)["epoch"] >= epoch)


class Versions(VersionsTest):
    network = TwoVersions

    def network_of(self, *others):
        """Starts it, moves a file, and again when each key that the network began with has ended."""
        self.net.others = frozenset(others)
        self.start()
        first = self.net.epoch()
        self.download()
        self.until("the keys have turned", (EPOCHS + 1) * self.epoch_seconds, lambda: self.net.epoch() >= first + EPOCHS)
        self.all_active(first + EPOCHS - 1)
        self.download()

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


class Council(VersionsTest):
    """Four authorities, of which one runs the other version."""
    network = TwoVersionsCouncil
    older = 2               # authority-3

    def authority(self, number):
        return self.net.authorities[number]

    def key(self, number):
        """It stands in its introduction."""
        text = (self.authority(number) / "introduction").read_text(encoding="utf-8")
        return re.search(r"^authority ([0-9a-f]{64})$", text, re.MULTILINE)[1]

    def start(self):
        net = self.net
        net.make_keys()
        net.sign_document()
        net.start_services(self.file)
        for relay in net.relays:
            net.start_relay(relay)
        # They record the mixes in one epoch, and place them in the next.
        self.until("every relay is placed and active", 4 * self.epoch_seconds, lambda: all(
            self.status(relay)["state"] == "active" for relay in net.relays))
        net.start_client()

    def agreed(self, epochs):
        """Whether all four have all of these documents. They must be one statement for each epoch."""
        if any(epoch not in self.net.documents(number) for epoch in epochs for number in range(4)):
            return False
        for epoch in epochs:
            signed = {self.parts(number, epoch)[0] for number in range(4)}
            self.assertEqual(len(signed), 1, f"authorities have different documents of epoch {epoch}")
        return True

    def parts(self, number, epoch):
        """What is signed, and the keys of those who signed it."""
        text = (self.authority(number) / "documents" / str(epoch)).read_text(encoding="utf-8")
        signed, first, signatures = text.partition("signature ")
        return signed, {line.split()[-2] for line in (first + signatures).splitlines()}

    def signed_by(self, number, epochs):
        """Of how many of these documents somebody has its signature: three of four are enough."""
        return sum(any(self.key(number) in self.parts(holder, epoch)[1] for holder in range(4)) for epoch in epochs)

    def test_one_of_four_authorities(self):
        net, name = self.net, self.authority(self.older).name
        net.others = frozenset({name, *HALF})
        self.start()
        first = net.epoch()
        epochs = range(first, first + EPOCHS + 2)
        self.download()
        self.until(f"all four have the documents of {len(epochs)} epochs", (EPOCHS + 2.5) * self.epoch_seconds,
                   lambda: self.agreed(epochs))
        self.all_active(epochs[-1] - 1)
        self.download()
        mixed = self.signed_by(self.older, epochs)
        self.assertGreater(mixed, 0, "no document has the signature of the authority of the other version")

        self.assertEqual(self.processes.stop(name), 0)
        net.others -= {name}
        net.start_one(self.older)
        later = range(epochs[-1] + 1, epochs[-1] + 1 + EPOCHS)
        self.until(f"all four, of one version, have the documents of {len(later)} more", (EPOCHS + 2.5) * self.epoch_seconds,
                   lambda: self.agreed(later))
        self.all_active(later[-1] - 1)
        self.download()
        print(f"\n{len(epochs)} documents of both versions, {mixed} with the older one's signature; after its upgrade "
              f"{len(later)}, {self.signed_by(self.older, later)} with it", flush=True)


if __name__ == "__main__":
    unittest.main()
