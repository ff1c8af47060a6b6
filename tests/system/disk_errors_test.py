"""faults 49: a disk that gives EIO, to a write or to an fsync. A relay that starts says which file, one that runs goes on."""
import json
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import KEY, OK, READY_SECONDS_MAX, RELAY, OfflineNetwork  # noqa: E402
from refusals import FailingDisk  # noqa: E402

WINDOW = 1      # seconds; only a lab may have windows this short
PATIENCE = 60
LINE = "the month's traffic is not kept: "


class Disk(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign(lab=True)
        self.data = self.config.parent

    def run_on(self, disk):
        process = subprocess.Popen([RELAY, "run", "--config", self.config], stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=disk.attach)
        self.running.append(process)
        return process

    def status(self):
        done = subprocess.run([RELAY, "status", "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, OK, done.stderr)
        return json.loads(done.stdout)

    def refused(self, call, *command):
        """What a command says that meets the fault at its first such call."""
        with FailingDisk() as disk:
            disk.fails = call
            done = subprocess.run([RELAY, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=READY_SECONDS_MAX, preexec_fn=disk.attach)
        self.assertEqual(done.returncode, KEY, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, ": cannot be written( through to the disk)?: Input/output error$")
        self.assertEqual(disk.refused, 1)
        return done.stderr

    def test_no_relay_is_made_on_it(self):
        for call in FailingDisk.CALLS:
            with self.subTest(call=call):
                folder = self.relays / call
                said = self.refused(call, "init", "--dir", folder, "--name", "new", "--listen", f"{self.claim.network}.40:9001",
                                    "--runtime-dir", folder / "run")
                self.assertIn(f"{folder}/identity.key", said)
                self.assertEqual(list(folder.rglob("*.key")), [])   # no part of a key is left

    def test_a_relay_that_lost_its_keys_does_not_start_on_it(self):
        shutil.rmtree(self.data / "run")
        before = (self.data / "descriptor").read_bytes()
        self.assertIn(f"{self.data}/run/", self.refused("write", "run", "--config", self.config))
        self.assertEqual((self.data / "descriptor").read_bytes(), before)
        self.assertEqual(list((self.data / "run").glob("*.key")), [])

    def test_a_relay_that_runs_goes_on(self):
        """It keeps the month's traffic after each window: one line says that it cannot, and the mixing goes on."""
        self.edited(lambda text: text.replace('metrics: {listen: "off"}',
                                              f'metrics: {{listen: "off", window: {WINDOW}s}}\ntraffic_month: 1 TB'))
        with FailingDisk() as disk:
            relay = self.run_on(disk)
            self.until_said(relay, "ready", READY_SECONDS_MAX)
            disk.fails = "write"
            self.assertIn("Input/output error; that disk fails", self.until_said(relay, LINE, PATIENCE))
            self.assertEqual(self.status()["state"], "active")
            self.assertEqual(list(self.data.glob("*traffic_month*")), [])
            relay.terminate()
            relay.communicate(timeout=READY_SECONDS_MAX)
        self.assertEqual(relay.returncode, OK)


if __name__ == "__main__":
    unittest.main(verbosity=0)
