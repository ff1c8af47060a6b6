"""Faults in a client's configuration, files and ports, and in an authority's description.

Each must give the right exit code and one line on stderr.
"""
import os
import shutil
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, CLIENT, CONFIG, FAILURE, KEY, OfflineNetwork  # noqa: E402


class ClientFaults(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()
        self.config = self.init_client()

    def refused(self, code, *words, change=None):
        if change:
            self.edited(change)
        self.refuses(code, *words, program=CLIENT)

    def refuses(self, code, *words, program=CLIENT, arguments=None):
        super().refuses(code, *words, program=program, arguments=arguments)

    def line_of(self, key):
        lines = self.config.read_text().splitlines()
        return next(n for n, line in enumerate(lines, 1) if line.startswith(key))

    # --- configuration ---
    def test_unknown_key_is_named_with_its_place_and_a_guess(self):
        self.refused(CONFIG, f"client.yaml:{self.line_of('listen')}:1:", "lisen", "listen",
                     change=lambda text: text.replace("listen: ", "lisen: "))

    def test_duplicate_key(self):
        self.refused(CONFIG, "client.yaml:", ":1:", "listen", "twice",
                     change=lambda text: text + 'listen: "127.0.0.1:9151"\n')

    def test_wrong_type(self):
        self.refused(CONFIG, f"client.yaml:{self.line_of('allow_remote')}:15:",
                     change=lambda text: text.replace("allow_remote: false", "allow_remote: perhaps"))

    def test_a_name_where_an_address_belongs(self):
        self.refused(CONFIG, f"client.yaml:{self.line_of('listen')}:9:", "literal",
                     change=lambda text: text.replace("127.0.0.1:0", "localhost:9150"))

    def test_would_listen_for_everyone(self):
        self.refused(CONFIG, "client.yaml:", "127.0.0.1", "allow_remote",
                     change=lambda text: text.replace("127.0.0.1", "0.0.0.0"))

    def test_no_configuration(self):
        self.config.unlink()
        self.refused(CONFIG, "client.yaml", "nightjar init")

    # --- anchors ---
    def test_init_without_a_network(self):
        self.refuses(CONFIG, "network.yaml",
                     arguments=["init", "--network", self.folder / "no-network.yaml", "--dir", self.folder / "second"])

    def test_anchors_with_a_key_cut_short(self):
        anchors = self.folder / "client" / "network.yaml"
        text = anchors.read_text()
        self.edited(lambda text: text.replace(self.authority(text), self.authority(text)[:-2]), anchors)
        self.refused(CONFIG, "network.yaml:")

    @staticmethod
    def authority(text):
        return text.split("authorities:")[1].split('"')[1]

    # --- files and ports ---
    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(FAILURE, f"127.0.0.1:{port}", "in use", "listen",
                         change=lambda text: text.replace("127.0.0.1:0", f"127.0.0.1:{port}"))

    def test_state_that_others_may_write(self):
        state = self.folder / "client" / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        os.chmod(state, 0o777)
        self.refused(KEY, "state", "chmod 700")

    def test_state_that_is_a_file(self):
        state = self.folder / "client" / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.write_text("")
        self.refused(KEY, "state")

    def test_a_second_client_on_the_same_control_socket(self):
        first = subprocess.Popen([CLIENT, "run", "--config", self.config], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(first)
        control = self.folder / "client" / "control.sock"
        while not control.exists():
            self.assertIsNone(first.poll())
        self.refused(FAILURE, "control.sock", "another process")
        self.stop(first)

    def test_no_client_runs(self):
        for verb in ("status", "ping"):
            self.refuses(FAILURE, "nightjar run", arguments=[verb, "--config", self.config])

    # --- the authority's description ---
    def sign_refuses(self, change, code, *words):
        description = self.folder / "description.yaml"
        self.edited(change, description)
        self.refuses(code, *words, program=AUTHORITY,
                     arguments=["sign", "--dir", self.folder / "authority", "--description", description,
                                "--out", self.folder])

    def test_description_with_an_unknown_parameter(self):
        self.sign_refuses(lambda text: text.replace("  relay_loops: 40", "  relay_lops: 40"), CONFIG,
                          "description.yaml:4:3:", "relay_lops", "relay_loops")

    def test_description_that_breaks_the_law(self):
        self.sign_refuses(lambda text: text.replace("  relay_loops: 40", "  relay_loops: 1"), CONFIG,
                          "description.yaml", "loops")

    def test_description_without_a_descriptor(self):
        (self.relays / "mix" / "descriptor").unlink()
        self.sign_refuses(lambda text: text + "\n", CONFIG, "mix/descriptor")

    def test_authority_key_that_others_may_read(self):
        os.chmod(self.folder / "authority" / "authority.key", 0o644)
        self.sign_refuses(lambda text: text + "\n", KEY, "authority.key", "chmod 600")


if __name__ == "__main__":
    unittest.main(verbosity=0)
