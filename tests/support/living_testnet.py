"""A network that lives by itself, for system tests: an authority runs as a service, and relays join it. One per test."""
import json
import os
import subprocess
import time
import unittest

from testnet import PROGRAMS    # also finds the demo's code
from nightjar_demo import folders, law, living, processes


class LivingTest(unittest.TestCase):
    epoch_seconds = 60
    mixes = 1               # per layer
    file_bytes = 1 << 20    # of the file that the network's web server has
    network = living.LivingNetwork

    def setUp(self):
        self.run_folder = folders.Run()
        self.processes = processes.Processes(self.run_folder.folder, False)
        self.net = self.network(PROGRAMS, self.run_folder, self.processes, law.Law(50, self.mixes), False,
                                self.epoch_seconds)
        self.file = self.net.folder / "file"
        self.file.write_bytes(os.urandom(self.file_bytes))

    def tearDown(self):
        bad = self.processes.stop_all()
        self.run_folder.remove()
        self.assertFalse(bad)

    def start(self):
        net = self.net
        net.make_keys()
        self.configure()
        net.sign_document()
        net.start_services(self.file)
        for relay in net.relays:
            net.start_relay(relay)
        for relay in net.relays:
            net.wait_active(relay)
        net.start_client()

    def configure(self):
        """For tests that add to the configuration before anything runs."""

    # --- questions ---
    def status(self, relay):
        done = subprocess.run([self.net.program("nightjar-relay"), "status", "--config", relay.config, "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:    # between joining and running nothing answers for some milliseconds
            return {"state": "not answering", "epoch": 0, "authority": {"said": ""}}
        return json.loads(done.stdout)

    def until(self, what, seconds, condition):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"not within {seconds:.0f} s: {what}")
            self.processes.check()
            time.sleep(0.5)
