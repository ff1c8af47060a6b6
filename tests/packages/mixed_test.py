"""A network whose relays run on two releases of Debian, from the packages of each: it carries a file, and each link has the
key exchange that both its ends can do.

The two machines share this one's loopback addresses. Needs NIGHTJAR_PACKAGES of the release NIGHTJAR_SUITE, and
NIGHTJAR_OTHER_PACKAGES of the release NIGHTJAR_OTHERS; `tests/packages/run --mixed trixie` sets them.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from container import ROOT, Container

OWN, OTHER = Path(os.environ["NIGHTJAR_PACKAGES"]), Path(os.environ["NIGHTJAR_OTHER_PACKAGES"])
OTHERS = os.environ["NIGHTJAR_OTHERS"]
NETWORK = "127.89.0"   # of all addresses here
SERVICES, DNS, HTTP = f"{NETWORK}.250", 5353, 8000
EXIT = f"--role gateway --exit-policy 'accept *:*' --allow-loopback --dns {SERVICES}:{DNS}"
# (name, whether it is on the other release, options). Links: gateway > layer 1 > 2 > 3 > gateway.
RELAYS = (("wren", False, "--role mix --layer 1"), ("finch", True, "--role mix --layer 2"),
          ("lark", True, "--role mix --layer 3"), ("heron", True, EXIT), ("stork", False, EXIT))
LINKS = [("heron", "wren"), ("stork", "wren"), ("wren", "finch"), ("finch", "lark"), ("lark", "heron"), ("lark", "stork")]
FILE_BYTES = 1 << 20


class Mixed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machines = {}
        for other, suite, packages in ((False, os.environ["NIGHTJAR_SUITE"], OWN), (True, OTHERS, OTHER)):
            machine = cls.machines[other] = Container(suite)
            cls.addClassCleanup(machine.remove)
            for deb in packages.glob("nightjar*.deb"):
                if "-dbgsym" not in deb.name and "-tools" not in deb.name:
                    (machine.root / "root" / deb.name).write_bytes(deb.read_bytes())
            machine.run("apt-get update -q && apt-get install -q -y --no-install-recommends ./nightjar*.deb openssl", 600)

    def status(self, name, other):
        return json.loads(self.machines[other].run(f"nightjar-relay status --config /var/lib/nightjar-relay-{name}/relay.yaml "
                                                   "--json --wait 120"))

    def make_relay(self, name, other, options, number):
        run = self.machines[other].run
        folders = f"/var/lib/nightjar-relay-{name} /run/nightjar-relay-{name}"
        run(f"install -d -m 700 -o nightjar-relay -g nightjar-relay {folders}")
        self.give(other, f"var/lib/nightjar-relay-{name}/network.yaml", "nightjar-relay")
        said = run(f"runuser -u nightjar-relay -- nightjar-relay init --dir /var/lib/nightjar-relay-{name} --name {name} "
                   f"--listen {NETWORK}.{number}:9001 --runtime-dir /run/nightjar-relay-{name} {options}")
        run(f"systemctl enable --now nightjar-relay@{name}")
        identity = re.search("[0-9a-f]{64}", said)[0]
        self.machines[False].run("runuser -u nightjar-authority -- nightjar-authority admit --dir /var/lib/nightjar-authority "
                                 f"{identity} --operator {name}")

    def give(self, other, path, owner):
        """The trust anchors, as the authority's operator would send them."""
        anchors = (self.machines[False].root / "var/lib/nightjar-authority/network.yaml").read_bytes()
        (self.machines[other].root / path).write_bytes(anchors)
        self.machines[other].run(f"chown {owner}:{owner} /{path} && chmod 600 /{path}")

    def test_1_a_network_of_both(self):
        run = self.machines[False].run
        run("runuser -u nightjar-authority -- nightjar-authority init --dir /var/lib/nightjar-authority --network example "
            f"--listen {NETWORK}.9:8443 --lab && systemctl enable --now nightjar-authority")
        for number, (name, other, options) in enumerate(RELAYS, 1):
            self.make_relay(name, other, options, number)
        for name, other, _ in RELAYS:
            self.assertEqual(self.status(name, other)["state"], "active")

    def test_2_a_link_is_post_quantum_if_both_ends_can(self):
        """By what each relay says, and by a handshake that asks a relay for this one group."""
        on_other = {name for name, other, _ in RELAYS if other}
        for name, other, _ in RELAYS:
            links = [link for link in LINKS if name in link]
            status = self.until(name, other, len(links))
            self.assertEqual(status["links_post_quantum"], sum(on_other.issuperset(link) for link in links), name)
        for number, (name, other, _) in enumerate(RELAYS, 1):
            said = self.machines[True].call(f"openssl s_client -connect {NETWORK}.{number}:9001 -tls1_3 -groups X25519MLKEM768 "
                                            "-sigalgs ed25519 </dev/null")[1]
            self.assertEqual("Negotiated TLS1.3 group: X25519MLKEM768" in said, other, f"{name}: {said[-2000:]}")

    def until(self, name, other, links):
        for _ in range(60):
            status = self.status(name, other)
            if status["next_relays_up"] + status["previous_relays_up"] == links:
                return status
            self.machines[other].run("sleep 1")
        return self.fail(f"{name} has not its {links} links: {status}")

    def test_3_clients_of_both_fetch_a_file(self):
        file = Path(self.enterContext(tempfile.TemporaryDirectory())) / "file"
        file.write_bytes(os.urandom(FILE_BYTES))
        services = subprocess.Popen([sys.executable, "-m", "nightjar_demo.services", SERVICES, str(DNS), str(HTTP), str(file)],
                                    env={**os.environ, "PYTHONPATH": str(ROOT / "deploy")}, stdout=subprocess.PIPE, text=True)
        self.addCleanup(services.wait)
        self.addCleanup(services.terminate)
        self.assertIn("services ready", services.stdout.readline())
        for other, machine in self.machines.items():
            at = f"{NETWORK}.{60 + other}:9150"
            self.give(other, "var/lib/nightjar/anchors.yaml", "nightjar")
            machine.run("runuser -u nightjar -- nightjar init --network /var/lib/nightjar/anchors.yaml --dir /var/lib/nightjar "
                        f"--listen {at}")
            machine.run("systemctl enable --now nightjar", 200)
            self.assertIn("there:", machine.run("nightjar ping --count 1 --config /var/lib/nightjar/client.yaml"))
            said = machine.run(f"curl -sS --fail --max-time 120 --proxy socks5h://{at} "
                               f"http://files.nightjar.test:{HTTP}/file | sha256sum")
            self.assertEqual(said.split()[0], hashlib.sha256(file.read_bytes()).hexdigest())


if __name__ == "__main__":
    unittest.main(verbosity=2)
