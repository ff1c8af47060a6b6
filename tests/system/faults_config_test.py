"""Mistakes of an operator or user. Each must give the right exit code and one line that says what is wrong, where, and
how to mend it.

Rows 36, 45, 46, 48 and 55 of the table of faults, against the real programs.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import (  # noqa: E402
    AUTHORITY, CLIENT, CONFIG, FAILURE, KEY, NOT_READY, OK, READY_SECONDS_MAX, RELAY, USAGE, OfflineNetwork, call, own_mounts)
from nightjar_demo import folders  # noqa: E402


class Faults(OfflineNetwork):
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

    # --- names of `announce` ---
    def test_a_name_without_an_address(self):
        self.sign()
        self.edited(lambda text: text + 'announce: ["wren.invalid:443"]\n')
        self.refuses(NOT_READY, "wren.invalid", "write the address")

    def with_hosts(self, address, *command):
        """The command, where a name of the hosts file has this address."""
        hosts = self.folder / "hosts"
        hosts.write_text(f"{address} wren.nightjar.test\n")
        return [*own_mounts(f"mount --bind {hosts} /etc/hosts"), *map(str, command), "--config", str(self.config)]

    def test_a_name_stands_for_its_address_at_each_start(self):
        """The running relay goes on with the one that it has stated, and the doctor says so."""
        self.sign(lab=True)
        self.edited(lambda text: text + 'announce: ["Wren.Nightjar.test:443"]\n')
        for address in ("192.0.2.1", "192.0.2.2"):
            relay = subprocess.Popen(self.with_hosts(address, RELAY, "run"), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.running.append(relay)
            self.until_said(relay, "ready", READY_SECONDS_MAX)
            descriptor = (self.config.parent / "descriptor").read_text()
            self.assertEqual(re.findall(r"^relay\.address (\S+)$", descriptor, re.M), [f"{address}:443"])
            self.assertEqual(self.announced_now(address), ("ok", f"its names stand for {address}:443"))
            health, seen = self.announced_now("192.0.2.3")
            self.assertEqual((health, seen), ("bad", "its names stand for 192.0.2.3:443, and the relay has stated "
                                                     f"{address}:443"))
            self.stop(relay)

    def announced_now(self, address):
        done = subprocess.run(self.with_hosts(address, RELAY, "doctor", "--json"), capture_output=True, text=True, timeout=60)
        [finding] = [one for one in json.loads(done.stdout)["findings"] if one["name"] == "announce"]
        return finding["health"], finding["seen"]

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

    def test_an_operator_in_two_positions(self):
        """Neither does an authority sign such a document, nor does a relay use one that was signed."""
        self.sign()
        said = "operator mix has two positions: ", "relay mix", "relay gate", "give all relays of one operator"
        description = self.folder / "description.yaml"
        description.write_text(description.read_text().replace("operator: gate", "operator: mix"))
        code, error = call(AUTHORITY, "sign", "--dir", self.folder / "authority", "--description", description,
                           "--out", self.folder)
        self.assertEqual(code, CONFIG, error)
        self.assertEqual(len(error.splitlines()), 1, error)
        for word in said:
            self.assertIn(word, error)
        self.sign_changed(lambda facts: facts.replace("operator gate", "operator mix"))
        self.refuses(CONFIG, "document", *said)

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
                self.fail("the source tree is on a tmpfs, so this fault cannot be produced here")
            os.chmod(disk, 0o700)
            self.edited(lambda text: text.replace(str(self.relays / "mix" / "run"), disk))
            self.refuses(KEY, "tmpfs")

    # --- running ---
    def test_port_in_use(self):
        self.sign()
        address = f"{self.claim.network}.20"
        with socket.create_server((address, 9001)):
            self.refuses(FAILURE, f"{address}:9001", "in use")

    def test_an_exits_metrics_port_in_use(self):
        self.sign()
        self.config = self.relays / "gate" / "relay.yaml"
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.edited(lambda text: text.replace('{listen: "off"}', f'{{listen: "127.0.0.1:{port}"}}'))
            self.refuses(FAILURE, f"cannot listen on 127.0.0.1:{port}", "in use")

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

    def test_a_layer_for_a_gateway(self):
        folder = self.folder / "gateway-of-layer-2"
        code, err = call(RELAY, "init", "--dir", folder, "--role", "gateway", "--layer", "2")
        self.assertEqual(code, USAGE)
        self.assertIn("a gateway is in no layer", err)
        self.assertFalse(folder.exists())


if __name__ == "__main__":
    unittest.main(verbosity=0)
