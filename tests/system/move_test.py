"""The runbook's move of a relay to another host: with the files that its commands carry, and no other, the relay starts there,
has the same identity, and the authority takes its new descriptor."""
import json
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, OK, RELAY, OfflineNetwork, call  # noqa: E402
from testnet import ROOT  # noqa: E402

SAID_SECONDS = 30
FOLDER = "/var/lib/nightjar-relay"


def move_commands(machine):
    section = (ROOT / "docs/runbook.md").read_text().partition("\n## Backup, and another machine\n")[2].partition("\n## ")[0]
    return re.findall(rf"^{machine}# (.*)$", section, re.MULTILINE)


class Move(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.authority = self.folder / "authority"
        self.relay_address, self.new_address = f"{self.claim.network}.30", f"{self.claim.network}.31"
        self.said(AUTHORITY, "init", "--dir", self.authority, "--network", "example", "--listen",
                  f"{self.claim.network}.9:8443", "--epoch-length", self.epoch_seconds)
        service = subprocess.Popen([AUTHORITY, "run", "--dir", self.authority], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(service)
        self.until_said(service, "ready", 20)

    def said(self, *command):
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, OK, done.stderr)
        return done.stdout

    def status(self, config):
        """Empty while the relay does not answer yet."""
        done = subprocess.run([RELAY, "status", "--config", config, "--json"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=20)
        return json.loads(done.stdout) if done.returncode == OK else {}

    def run_until_taken(self, config):
        process = self.start(config, ready="waits until a network document lists this relay")
        deadline = time.monotonic() + SAID_SECONDS
        while "is here" not in (said := self.status(config).get("authority", {}).get("said", "no answer")):
            self.assertLess(time.monotonic(), deadline, said)
            time.sleep(0.2)
        return process

    def test_the_files_of_the_runbook_are_enough(self):
        old, new = self.folder / "old", self.folder / "new"
        old.mkdir()
        (old / "network.yaml").write_bytes((self.authority / "network.yaml").read_bytes())
        made = self.said(RELAY, "init", "--dir", old, "--name", "wren", "--role", "mix", "--layer", 1, "--listen",
                         f"{self.relay_address}:9001", "--runtime-dir", self.folder / "run-old")
        identity = re.search("[0-9a-f]{64}", made)[0]
        self.said(AUTHORITY, "admit", identity, "--operator", "wren", "--dir", self.authority)
        self.stop(self.run_until_taken(old / "relay.yaml"))

        new.mkdir(mode=0o700)
        carried = []
        for machine, folder in (("old", old), ("new", new)):
            commands = [line for line in move_commands(machine) if re.match(r"(tar|sed|chmod) ", line)]
            self.assertGreaterEqual(len(commands), 2, machine)
            for command in commands:
                command = command.replace(FOLDER, str(folder)).replace("192.0.2.1", self.relay_address)
                carried.append(command.replace("198.51.100.1", self.new_address))
                subprocess.run(["sh", "-ec", carried[-1]], cwd=self.folder, stdin=subprocess.DEVNULL, check=True)
        self.assertEqual((self.folder / "wren.tar").stat().st_mode & 0o777, 0o600)
        config = new / "relay.yaml"
        text = config.read_text().replace(str(self.folder / "run-old"), str(self.folder / "run-new"))
        self.assertIn(f'"{self.new_address}:9001"', text)
        config.write_text(text)     # one machine has two runtime folders
        process = self.run_until_taken(config)
        self.assertEqual(self.status(config)["identity"], identity)
        self.stop(process)

        # The control: without the trust anchors it does not start.
        (new / "network.yaml").unlink()
        self.assertNotEqual(call(RELAY, "run", "--config", config)[0], OK)


if __name__ == "__main__":
    unittest.main(verbosity=0)
