"""An operator's or user's mistake: the right exit code, and one line with what, where and how to mend it.

Rows 36, 45, 46, 48 and 55 of the table of faults, against the real programs.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import PROGRAMS  # noqa: E402
from nightjar_demo import folders  # noqa: E402

RELAY = PROGRAMS / "relay/nightjar-relay"
AUTHORITY = PROGRAMS / "relay/authority/nightjar-authority"
CLIENT = PROGRAMS / "client/nightjar"
OK, FAILURE, USAGE, CONFIG, KEY = 0, 1, 2, 3, 5


def call(program, *arguments, seconds=20):
    done = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds)
    return done.returncode, done.stderr.strip()


class Faults(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="faults-", dir=folders.base_folder()))
        self.relays = self.folder / "relays"
        self.relays.mkdir()
        for number, (name, role) in enumerate([("mix", "mix"), ("gate", "gateway"), ("door", "gateway")]):
            self.init(name, role, 20 + number)
        self.config = self.relays / "mix" / "relay.yaml"

    def tearDown(self):
        shutil.rmtree(self.folder)

    def init(self, name, role, last):
        more = ["--layer", 1] if role == "mix" else ["--exit-policy", "accept *:80"]
        code, error = call(RELAY, "init", "--dir", self.relays / name, "--name", name, "--role", role,
                           "--listen", f"127.88.0.{last}:9001", "--runtime-dir", self.relays / name / "run",
                           "--network", self.folder / "network.yaml", "--document", self.folder / "document",
                           "--epoch-length", 3600, "--packets-per-second", 10, *more)
        self.assertEqual(code, OK, error)

    def sign(self):
        call(AUTHORITY, "init", "--dir", self.folder / "authority")
        lines = ["network: faults", "parameters:", "  epoch_length: 3600s", "  relay_loops: 40", "relays:"]
        for name in ("mix", "gate", "door"):
            lines += [f"  - descriptor: relays/{name}/descriptor", f"    operator: {name}"]
        (self.folder / "description.yaml").write_text("\n".join(lines) + "\n")
        code, error = call(AUTHORITY, "sign", "--dir", self.folder / "authority", "--description",
                           self.folder / "description.yaml", "--out", self.folder)
        self.assertEqual(code, OK, error)

    def refuses(self, code, *words, program=RELAY, arguments=None):
        """It ends with this code, and one line that holds all these words."""
        got, error = call(program, *(arguments or ["run", "--config", self.config]))
        self.assertEqual(len(error.splitlines()), 1, error)
        self.assertEqual(got, code, error)
        for word in words:
            self.assertIn(word, error)

    def edited(self, change):
        text = self.config.read_text()
        self.config.write_text(change(text))
        self.assertNotEqual(self.config.read_text(), text)

    # --- configuration: exit 3, file:line:column ---
    def test_unknown_key(self):
        self.edited(lambda text: text + "colour: red\n")
        line = len(self.config.read_text().splitlines())
        self.refuses(CONFIG, f"relay.yaml:{line}:1", "colour")

    def test_duplicate_key(self):
        self.edited(lambda text: text + "role: mix\n")
        self.refuses(CONFIG, "relay.yaml:", "role")

    def test_wrong_type(self):
        self.edited(lambda text: text.replace("layer: 1", "layer: one"))
        self.refuses(CONFIG, "relay.yaml:4:8:", "whole number")

    def test_impossible_pair(self):
        self.edited(lambda text: text.replace("role: mix", "role: gateway"))
        self.refuses(CONFIG, "relay.yaml:", "layer")

    def test_bytes_that_are_no_text(self):
        self.config.write_bytes(self.config.read_bytes() + b"name2: \xff\xfe\n")
        self.refuses(CONFIG, "relay.yaml:")

    def test_ten_megabytes(self):
        self.config.write_bytes(b"# padding\n" * (1 << 20))
        self.refuses(CONFIG, "relay.yaml")

    def test_lab_settings_outside_a_lab_network(self):
        self.sign()
        self.edited(lambda text: text + "lab: {drop_share: 0.5}\n")
        self.refuses(CONFIG, "lab")

    # --- documents ---
    def test_no_anchors(self):
        self.refuses(CONFIG, "network.yaml")

    def test_no_document(self):
        self.sign()
        (self.folder / "document").unlink()
        self.refuses(CONFIG, "document", "get the signed one")

    def test_a_changed_document(self):
        self.sign()
        text = (self.folder / "document").read_text()
        (self.folder / "document").write_text(text.replace("operator gate", "operator door"))
        self.assertNotEqual((self.folder / "document").read_text(), text)
        self.refuses(CONFIG, "document", "signature")

    # --- keys and the runtime directory: exit 5 ---
    def test_key_that_others_may_read(self):
        os.chmod(self.relays / "mix" / "identity.key", 0o644)
        self.refuses(KEY, "identity.key", "chmod 600")

    def test_key_missing(self):
        (self.relays / "mix" / "link.key").unlink()
        self.refuses(KEY, "link.key")

    def test_keys_swapped(self):
        keys = self.relays / "mix"
        shutil.copy(keys / "link.key", keys / "identity.key")
        self.refuses(KEY, "identity.key")

    def test_key_cut_short(self):
        key = self.relays / "mix" / "link.key"
        key.write_bytes(key.read_bytes()[:-10])
        self.refuses(KEY, "link.key")

    def test_runtime_directory_on_a_disk(self):
        self.sign()
        with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as disk:
            if folders.is_tmpfs(disk):
                self.fail("the tree lies on a tmpfs, so this fault cannot be made here")
            os.chmod(disk, 0o700)
            self.edited(lambda text: text.replace(str(self.relays / "mix" / "run"), disk))
            self.refuses(KEY, "tmpfs")

    # --- running ---
    def start(self):
        relay = subprocess.Popen([RELAY, "run", "--config", self.config], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in relay.stdout:
            if "ready" in line:
                return relay
        self.fail(f"the relay ended with {relay.wait()} before it was ready")

    def stop(self, relay):
        begun = time.monotonic()
        relay.terminate()
        code = relay.wait(6)
        relay.stdout.close()
        self.assertEqual(code, OK)
        self.assertLess(time.monotonic() - begun, 5)

    def test_port_in_use(self):
        self.sign()
        with socket.create_server(("127.88.0.20", 9001)):
            self.refuses(FAILURE, "127.88.0.20:9001", "in use")

    def test_a_second_daemon_on_the_same_keys(self):
        self.sign()
        relay = self.start()
        try:
            self.refuses(FAILURE, "another nightjar-relay")
        finally:
            self.stop(relay)

    def test_a_bad_configuration_at_reload_leaves_the_old_one(self):
        self.sign()
        relay = self.start()
        try:
            self.edited(lambda text: text + "colour: red\n")
            relay.send_signal(1)
            for line in relay.stdout:
                if "colour" in line:
                    break
            self.assertIsNone(relay.poll())
            self.assertEqual(call(RELAY, "status", "--config", self.config)[0], CONFIG)
        finally:
            self.stop(relay)

    # --- the other programs ---
    def test_usage(self):
        for program in (RELAY, AUTHORITY, CLIENT):
            with self.subTest(program=program.name):
                self.assertEqual(call(program, "no-such-verb")[0], USAGE)
                self.assertEqual(call(program, "--help")[0], OK)

    def test_client_without_a_network(self):
        self.refuses(CONFIG, "network.yaml", program=CLIENT,
                     arguments=["init", "--network", self.folder / "network.yaml", "--dir", self.folder / "client"])

    def test_client_that_would_listen_for_everyone(self):
        self.sign()
        client = self.folder / "client"
        self.assertEqual(call(CLIENT, "init", "--network", self.folder / "network.yaml", "--dir", client)[0], OK)
        config = client / "client.yaml"
        text = config.read_text()
        config.write_text(text.replace("127.0.0.1", "0.0.0.0"))
        self.assertNotEqual(config.read_text(), text)
        self.refuses(CONFIG, "client.yaml:", "127.0.0.1", "allow_remote", program=CLIENT, arguments=["run", "--config", config])


if __name__ == "__main__":
    unittest.main(verbosity=0)
