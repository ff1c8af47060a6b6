"""The files of a small network (keys, configurations, a document), for tests of invalid inputs.

One mix and two gateways; nothing runs unless the test starts it.
"""
import os
import subprocess
import threading
import time
import unittest

from testnet import PROGRAMS
from nightjar_demo import folders, network

RELAY = PROGRAMS / "relay/nightjar-relay"
AUTHORITY = PROGRAMS / "relay/authority/nightjar-authority"
CLIENT = PROGRAMS / "client/nightjar"
OK, FAILURE, USAGE, CONFIG, NOT_READY, KEY = 0, 1, 2, 3, 4, 5
EPOCH_SECONDS = (1800, 3600)  # longer epochs cost memory for replay filters
READY_SECONDS_MAX, STOP_SECONDS_MAX = 60, 5
SHORT_SECONDS = 8       # of a document that ends while its user runs: enough for a start on a busy machine
# With this prefix an Ed25519 seed is a private key in the DER format that openssl reads (RFC 8410).
PRIVATE_KEY_PREFIX = bytes.fromhex("302e020100300506032b657004220420")


def call(program, *arguments, seconds=20):
    done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds)
    return done.returncode, done.stderr.strip()


def own_mounts(script):
    """Runs a shell script, then the command after it, with mounts of its own; as root of a user namespace if need be."""
    flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
    return ["unshare", *flags, "sh", "-ec", f'{script}\nexec "$@"', "sh"]


class OfflineNetwork(unittest.TestCase):
    epoch_seconds = None    # None: no epoch ends while a test runs, at any time of day

    def setUp(self):
        self.claim = folders.Run()
        self.epoch_seconds = self.epoch_seconds or network.quiet_length(*EPOCH_SECONDS, time.time())
        self.folder = self.claim.folder
        self.relays = self.folder / "relays"
        self.relays.mkdir()
        self.running = []
        for number, (name, role) in enumerate([("mix", "mix"), ("gate", "gateway"), ("door", "gateway")]):
            self.init(name, role, 20 + number)
        self.config = self.relays / "mix" / "relay.yaml"

    def tearDown(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()
        self.claim.remove()

    # --- its files ---
    def init(self, name, role, last):
        more = ["--layer", 1] if role == "mix" else ["--exit-policy", "accept *:80"]
        code, error = call(RELAY, "init", "--dir", self.relays / name, "--name", name, "--role", role,
                           "--listen", f"{self.claim.network}.{last}:9001", "--runtime-dir", self.relays / name / "run",
                           "--network", self.folder / "network.yaml", "--document", self.folder / "document",
                           "--epoch-length", self.epoch_seconds, "--packets-per-second", 300, *more)
        self.assertEqual(code, OK, error)

    def sign(self, *more, lab=False):
        call(AUTHORITY, "init", "--dir", self.folder / "authority")
        lines = ["network: faults", "parameters:", f"  epoch_length: {self.epoch_seconds}s", "  relay_loops: 40",
                 f"  lab: {str(lab).lower()}", "relays:"]
        for name in ("mix", "gate", "door"):
            lines += [f"  - descriptor: relays/{name}/descriptor", f"    operator: {name}"]
        (self.folder / "description.yaml").write_text("\n".join(lines) + "\n")
        code, error = call(AUTHORITY, "sign", "--dir", self.folder / "authority", "--description",
                           self.folder / "description.yaml", "--out", self.folder, *more)
        self.assertEqual(code, OK, error)

    def sign_changed(self, change):
        """Signs what `change` makes of the document's signed text."""
        file = self.folder / "document"
        facts, _, signature = file.read_text().partition("signature ")
        facts = change(facts)
        seed = (self.folder / "authority" / "authority.key").read_text().split()[-1]
        key, text = self.folder / "key.der", self.folder / "text"
        key.write_bytes(PRIVATE_KEY_PREFIX + bytes.fromhex(seed))
        text.write_text(facts)
        made = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-keyform", "DER",
                               "-in", text], capture_output=True, check=True).stdout
        file.write_text(f"{facts}signature {signature.split()[0]} {made.hex()}\n")

    def sign_validity(self, begin, end):
        """Signs the document again as valid from `begin` to `end`, in seconds from now."""
        now = int(time.time())

        def change(facts):
            lines = [f"valid-from {now + begin}" if line.startswith("valid-from ") else
                     f"valid-until {now + end}" if line.startswith("valid-until ") else line
                     for line in facts.splitlines()]
            return "\n".join(lines) + "\n"
        self.sign_changed(change)

    def init_client(self):
        """Makes a client's folder. Returns its configuration file."""
        code, error = call(CLIENT, "init", "--network", self.folder / "network.yaml", "--dir", self.folder / "client",
                           "--listen", "127.0.0.1:0")
        self.assertEqual(code, OK, error)
        return self.folder / "client" / "client.yaml"

    def edited(self, change, config=None):
        config = config or self.config
        text = config.read_text()
        config.write_text(change(text))
        self.assertNotEqual(config.read_text(), text)

    # --- what is expected ---
    def refuses(self, code, *words, program=RELAY, arguments=None):
        """Expects this exit code, and one line on stderr that contains all these words."""
        try:
            got, error = call(program, *(arguments or ["run", "--config", self.config]))
        except subprocess.TimeoutExpired as runs:
            self.fail(f"it refuses nothing, and runs: {runs}")
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertEqual(got, code, error)
        for word in words:
            self.assertIn(word, error)

    # --- running ---
    def start(self, config=None, program=RELAY, ready="ready"):
        process = subprocess.Popen([program, "run", "--config", config or self.config], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(process)
        self.until_said(process, ready, READY_SECONDS_MAX)
        return process

    def until_said(self, process, word, seconds):
        """Reads what the process prints until a line has this word, and returns all that was read."""
        late = threading.Timer(seconds, process.kill)
        late.start()
        try:
            said = ""
            for line in process.stdout:
                said += line
                if word in line:
                    return said
        finally:
            late.cancel()
        return self.fail(f"no line with '{word}' in {seconds} s or before the end, exit code {process.wait()}: {said}")

    def stop(self, process):
        begun = time.monotonic()
        process.terminate()
        self.assertEqual(process.wait(STOP_SECONDS_MAX + 1), OK)
        self.assertLess(time.monotonic() - begun, STOP_SECONDS_MAX)
