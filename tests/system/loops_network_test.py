"""Authorities find a relay that drops packets, in a network of real processes, and leave it out.

The relay answers every dial, so only loops can show it. A network of three mixes in each layer; one of them drops most
of what it gets. An authority sends a sweep of loops every five minutes and states what three sweeps in a row show, so
this takes some 15 minutes.
"""
import hashlib
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from living_testnet import LivingTest  # noqa: E402
from nightjar_demo import living, transfers  # noqa: E402

PART_SECONDS = 300      # of an epoch, at the least: one sweep in each
SWEEPS = 3              # in a row must show the same
DROPS = 0.6             # of the packets that the bad mix gets
GOES_ON_SECONDS = 150   # two epochs and a half


class WithLoops(living.LivingNetwork):
    loops = True


class LoopsFindARelay(LivingTest):
    network = WithLoops
    mixes = 3               # a mix has neighbours left when the worst third of them is not counted
    bad = "mix-2b"

    def configure(self):
        with open(self.net.relay(self.bad).config, "a", encoding="utf-8") as config:
            config.write(f"lab:\n  drop_share: {DROPS}\n")

    def states(self):
        return {relay.name: self.status(relay)["state"] for relay in self.net.relays}

    def test_a_mix_that_drops_packets_is_left_out_and_told_why(self):
        net = self.net
        self.start()
        bad = net.relay(self.bad)
        begin = time.monotonic()
        others = {relay.name for relay in net.relays} - {self.bad}
        # After two sweeps nothing is stated yet.
        while time.monotonic() - begin < (SWEEPS - 1) * PART_SECONDS:
            self.assertNotIn("not_listed", self.states().values())
            self.processes.check()
            time.sleep(10)
        self.until(f"{self.bad} is left out", 2.5 * PART_SECONDS, lambda: self.status(bad)["state"] == "not_listed")
        self.assertGreater(time.monotonic() - begin, (SWEEPS - 1) * PART_SECONDS)
        said = self.status(bad)["authority"]["said"]
        self.assertRegex(said, r"loses [3-9][0-9] % of the packets in [0-9]+ loops of this authority through it")
        print(f"after {time.monotonic() - begin:.0f} s: {said}", flush=True)

        # The others stay, and the network goes on without it.
        end = time.monotonic() + GOES_ON_SECONDS
        while time.monotonic() < end:
            for name, state in self.states().items():
                self.assertEqual(state == "not_listed", name == self.bad, f"{name} is {state}")
            time.sleep(10)
        for name in others:
            self.assertNotIn("loses", self.status(net.relay(name))["authority"]["said"], name)
        transfers.Curl(net).download(hashlib.sha256(self.file.read_bytes()).hexdigest(), 120)


if __name__ == "__main__":
    unittest.main()
