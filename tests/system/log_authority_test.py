"""The logs of authorities and of a relay that speaks to them have no address but their own (docs/metrics.md R10). Of four
authorities one runs, and it does not list the relay, so both have something to say about others."""
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, OK, RELAY, OfflineNetwork  # noqa: E402

ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\[[0-9a-f:]+\]")
HEX = re.compile(r"\b[0-9a-f]{16,}\b")
SECONDS = 40
AUTHORITIES = 4


class Logs(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.addresses = [f"{self.claim.network}.{40 + number}" for number in range(AUTHORITIES)]
        self.folders = [self.folder / f"authority-{number}" for number in range(AUTHORITIES)]
        for folder, address in zip(self.folders, self.addresses, strict=True):
            self.said(AUTHORITY, "init", "--dir", folder, "--network", "example", "--authorities", AUTHORITIES,
                      "--listen", f"{address}:8443", "--epoch-length", self.epoch_seconds)
            self.said(AUTHORITY, "introduce", "--dir", folder)
        for folder in self.folders:
            self.said(AUTHORITY, "assemble", *(one / "introduction" for one in self.folders), "--dir", folder)

    def said(self, *command):
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, OK, done.stderr)
        return done.stdout

    def run_into(self, name, *command):
        """Runs a program whose output goes to a file. Returns the file."""
        log = self.folder / f"{name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        process.stdout = out    # what tearDown closes
        self.running.append(process)
        return log

    def until_logged(self, log, pattern, count):
        """Which number of network.yaml an authority has follows from its key."""
        deadline = time.monotonic() + SECONDS
        while len(set(re.findall(pattern, log.read_text()))) < count:
            self.assertLess(time.monotonic(), deadline, f"{pattern} is not {count} times in: {log.read_text()}")
            time.sleep(0.2)

    def test_no_address_of_others(self):
        own = self.addresses[0]
        authority = self.run_into("authority", AUTHORITY, "run", "--dir", self.folders[0])
        self.until_logged(authority, r"authority \d of network.yaml does not answer", AUTHORITIES - 1)

        relay = self.folder / "wren"
        made = self.said(RELAY, "init", "--dir", relay, "--name", "wren", "--role", "mix", "--layer", 1,
                         "--listen", f"{self.claim.network}.30:9001", "--runtime-dir", self.folder / "run-wren",
                         "--network", self.folders[0] / "network.yaml")
        identity = re.search("[0-9a-f]{64}", made)[0]
        log = self.run_into("relay", RELAY, "run", "--config", relay / "relay.yaml")
        self.until_logged(log, r"authority \d of network.yaml does not take the descriptor", 2)
        for process in self.running:
            self.stop(process)

        for name, lines, addresses in (("authority", authority, {own}), ("relay", log, {f"{self.claim.network}.30"})):
            for line in lines.read_text().splitlines():
                self.assertLessEqual(set(ADDRESS.findall(line)), addresses, f"{name}: {line}")
                self.assertLessEqual(set(HEX.findall(line)), {identity}, f"{name}: {line}")
        # The control: its own address is seen, in the line that says where it listens.
        self.assertIn(own, ADDRESS.findall(authority.read_text()))


if __name__ == "__main__":
    unittest.main(verbosity=0)
