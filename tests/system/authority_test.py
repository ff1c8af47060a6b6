"""A network that lives by itself, with real processes.

An authority runs as a service. Through three epochs a download goes on; the authority is killed and comes back, and
admits openly from then on; one relay joins that the operator admitted, and one that no operator did; that one and an old
relay are expelled. Rows 36 and 41 of the table of faults: a relay without a document waits, and says so.
"""
import hashlib
import os
import random
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from living_testnet import LivingTest  # noqa: E402
from nightjar_demo import network, transfers  # noqa: E402

EPOCH_SECONDS = 60      # the shortest that an authority signs
EPOCHS = 3
RATE = 20_000           # bytes a second of the download: it lasts for all epochs
JOIN_SECONDS = 2.2 * EPOCH_SECONDS
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[[0-9a-f:]+\]")


class Living(LivingTest):
    epoch_seconds = EPOCH_SECONDS
    file_bytes = RATE * EPOCH_SECONDS * EPOCHS * 4 // 3

    def stranger(self, name):
        """A mix in the network from which it connects: that of 127.0.0.1, as nothing binds its connections."""
        net = self.net
        host = 2 + random.SystemRandom().randrange(250)
        relay = network.Relay(name, "mix", int(name[4]), f"127.0.0.{host}", net.folder / name)
        net.relays.append(relay)
        net.make_relay(relay)
        return relay

    def test_three_epochs_without_a_hand(self):
        net = self.net
        self.start()
        first = net.epoch()
        download = subprocess.Popen(
            transfers.Curl(net).command("/file", EPOCHS * EPOCH_SECONDS * 2, net.folder / "downloaded",
                                        "--limit-rate", str(RATE)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(download.kill)

        # A relay comes. It is not admitted, and its operator sees that.
        late = net.new_mix("mix-2late", 2)
        net.start_relay(late)
        self.until("the refusal", 40, lambda: "not on this authority's list" in self.status(late)["authority"]["said"])
        self.assertEqual(self.status(late)["state"], "starting")
        net.admit(late)
        self.until("the late relay is active", JOIN_SECONDS, lambda: self.status(late)["state"] == "active")

        # The authority is away for half an epoch, over the moment at which it would sign.
        authority = self.processes.running.pop("authority")
        authority.kill()
        authority.wait()
        held = self.status(late)["epoch"]
        time.sleep(EPOCH_SECONDS / 2)
        with open(net.authority / "authority.yaml", "a", encoding="utf-8") as settings:
            settings.write("admission: open\nopen_per_prefix: 1\n")
        net.start_authority()

        # A stranger comes by itself. Another one of its network finds no place.
        stranger, second = self.stranger("mix-1s"), self.stranger("mix-3s")
        net.start_relay(stranger)
        self.until("the stranger's descriptor is here", 40,
                   lambda: "is here" in self.status(stranger)["authority"]["said"])
        net.start_relay(second)
        self.until("the second one is refused", 40,
                   lambda: "no open place" in self.status(second)["authority"]["said"])
        self.until("the stranger is active", JOIN_SECONDS, lambda: self.status(stranger)["state"] == "active")
        self.assertEqual(self.status(second)["state"], "starting")

        # The relay in whose layer the late one is has to go.
        gone = net.relay("mix-2a")
        for relay in (gone, stranger):
            net.expel(relay)
        for relay in (gone, stranger):
            self.until(f"{relay.name}, which was expelled, is out", JOIN_SECONDS,
                       lambda relay=relay: self.status(relay)["state"] == "not_listed")
        self.until("the late relay goes on", 40, lambda: self.status(late)["epoch"] > held)

        out, error = download.communicate(timeout=EPOCHS * EPOCH_SECONDS * 2)
        self.assertEqual(download.returncode, 0, error)
        self.assertTrue(out.startswith("200 "), out)
        self.assertEqual(hashlib.sha256((net.folder / "downloaded").read_bytes()).digest(),
                         hashlib.sha256(self.file.read_bytes()).digest())
        self.until("three epochs are over", EPOCHS * EPOCH_SECONDS, lambda: net.epoch() >= first + EPOCHS)
        for relay in net.relays:
            if relay not in (gone, stranger, second):
                self.until(f"{relay.name} is active", 40, lambda relay=relay: self.status(relay)["state"] == "active")
                self.assertGreaterEqual(self.status(relay)["epoch"], net.epoch() - 1)
        signed = {int(file.name) for file in (net.authority / "documents").iterdir()}
        self.assertLessEqual(set(range(first, net.epoch() + 1)), signed)
        # It tries each relay once in five minutes, and the page is made with each document.
        page = net.authority / "status.html"
        self.until("the page says that a relay is reached", 4 * EPOCH_SECONDS,
                   lambda: '<td class="good">yes</td>' in page.read_text(encoding="utf-8"))
        self.no_log_has_an_address_of_others()

    def no_log_has_an_address_of_others(self):
        """After relays that came, were refused, could not be reached and were expelled (docs/metrics.md R10)."""
        owners = {"authority": f"{self.net.address}.9", **{relay.name: relay.address for relay in self.net.relays}}
        for name, own in owners.items():
            lines = self.processes.log(name).read_text(errors="replace").splitlines()
            self.assertGreater(len(lines), 1, name)
            for line in lines:
                self.assertLessEqual(set(ADDRESS.findall(line)), {own}, f"{name}: {line}")


if __name__ == "__main__":
    unittest.main()
