"""A running process must not leak: no exact values outside a lab, and no core dump when it crashes."""
import json
import os
import resource
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import CLIENT, RELAY, OfflineNetwork  # noqa: E402


def core_limit(pid):
    """(soft, hard) bytes that a core file may have."""
    line = next(line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line)
    return tuple(line.split()[4:6])


class Exposure(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()

    def test_metrics_of_a_network_that_is_no_lab_have_nothing_exact(self):
        at = f"{self.claim.network}.20:9464"
        self.edited(lambda text: text.replace('metrics: {listen: "off"}', f'metrics: {{listen: "{at}"}}'))
        relay = self.start()
        with urllib.request.urlopen(f"http://{at}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        self.assertIn("nightjar_state", text)
        self.assertNotIn("nightjar_lab_", text)
        self.stop(relay)

    def test_status_of_a_network_that_is_no_lab_has_nothing_exact(self):
        """The control socket says what an operator needs, and no count of packets or clients."""
        relay = self.start()
        done = subprocess.run([RELAY, "status", "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        status = json.loads(done.stdout)
        self.assertIs(status["lab_network"], False)
        self.assertEqual(set(status), {
            "name", "identity", "role", "layer", "version", "build", "capacity", "state", "network", "lab_network", "epoch",
            "document_valid_until", "key_epochs", "keys_locked_in_memory", "sandbox", "reload_ok", "next_relays",
            "next_relays_up", "previous_relays_up", "links_post_quantum", "loops_missing", "answering",
            "replay_room_short", "replay_filter_full", "descriptors_max", "self_test"})
        self.stop(relay)

    def test_no_core_is_dumped(self):
        """However large a core this user may have."""
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        most = resource.RLIM_INFINITY if os.geteuid() == 0 else hard
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))
        relay = self.start()
        self.assertEqual(core_limit(relay.pid), ("0", "0"))
        self.stop(relay)
        client = subprocess.Popen([CLIENT, "run", "--config", self.init_client()], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(client)
        while not (self.folder / "client" / "control.sock").exists():
            self.assertIsNone(client.poll())
        self.assertEqual(core_limit(client.pid), ("0", "0"))
        self.stop(client)


if __name__ == "__main__":
    unittest.main(verbosity=0)
