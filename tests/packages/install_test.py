"""The packages on a machine with systemd: installed, walked through by docs/operating.md, upgraded, removed, purged.

The tests of the class belong together and run in their order.
"""
import json
import os
import re
import resource
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from container import ROOT, Container

PACKAGES = Path(os.environ["NIGHTJAR_PACKAGES"])
SUITE = os.environ["NIGHTJAR_SUITE"]
NAMES = ("nightjar-relay", "nightjar-authority", "nightjar", "nightjar-tools")
NETWORK = "127.88.0"   # of all addresses here
OTHERS = (("finch", "--role mix --layer 2"), ("lark", "--role mix --layer 3"),
          ("heron", "--role gateway --exit-policy 'accept *:443'"), ("stork", "--role gateway --exit-policy 'accept *:443'"))
CONFIG = "/var/lib/nightjar-relay/relay.yaml"
BREAKS = "deploy/demo: the network breaks the traffic law:"
# What only says that processes had to wait for a processor: packets held longer, by a tenth at most, and few lost slots.
HELD = re.compile(r"mean hold of \d+ packets ([\d.]+) ms, expected ([\d.]+) ")
LOST = re.compile(r"slots that the client lost ([\d.]+) in all, expected .* over ([\d.]+) s$")
LOST_A_SECOND = 3
CAP_SYS_RESOURCE = 24
MEMLOCK = 512 << 20   # LimitMEMLOCK of the relay's unit
# Whether a process of the container may use it, outside of any unit: landlock_create_ruleset(2), for its version.
HAS_LANDLOCK = "python3 -c 'import ctypes; exit(ctypes.CDLL(None).syscall(444, None, 0, 1) < 1)'"


def commands_of(title):
    """The commands (`# …`) of a section of docs/operating.md."""
    text = (ROOT / "docs/operating.md").read_text()
    section = re.search(rf"^## {re.escape(title)}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    block = "\n".join(re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL))
    joined = block.replace("\\\n", " ")
    return [line[2:] for line in joined.splitlines() if line.startswith("# ")]


def move_commands(machine):
    """The commands of one of the two machines (`old`, `new`) in the runbook's move to another host."""
    section = (ROOT / "docs/runbook.md").read_text().partition("\n## Backup, and another machine\n")[2].partition("\n## ")[0]
    return re.findall(rf"^{machine}# (.*)$", section, re.MULTILINE)


def changed_version(folder, version):
    """The packages as another version of the same content."""
    made = []
    for name in NAMES:
        deb = next(PACKAGES.glob(f"{name}_*.deb"))
        root = Path(folder) / name
        subprocess.run(["dpkg-deb", "-R", deb, root], check=True)
        control = root / "DEBIAN/control"
        old = re.search(r"^Version: (.*)$", control.read_text(), re.MULTILINE)[1]
        control.write_text(control.read_text().replace(f"Version: {old}", f"Version: {version}")
                           .replace(f"(= {old})", f"(= {version})"))
        out = Path(folder) / f"{name}_{version}.deb"
        subprocess.run(["dpkg-deb", "-Zgzip", "--root-owner-group", "--build", root, out], check=True, stdout=subprocess.DEVNULL)
        made.append(out)
    return made


def limit_of_this_machine(which):
    """A container of a process without CAP_SYS_RESOURCE has no higher limits than this process."""
    raises = int(re.search(r"CapEff:\s+(\w+)", Path("/proc/self/status").read_text())[1], 16) >> CAP_SYS_RESOURCE & 1
    hard = resource.getrlimit(which)[1]
    return float("inf") if raises or hard == resource.RLIM_INFINITY else hard



def only_late(line):
    held, lost = HELD.search(line), LOST.search(line)
    if held:
        return 1 <= float(held[1]) / float(held[2]) <= 1.1
    return bool(lost) and float(lost[1]) <= LOST_A_SECOND * float(lost[2])


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Container(SUITE)
        cls.run_in = cls.machine.run
        cls.bring(next(PACKAGES.glob(f"{name}_*.deb")) for name in NAMES)
        cls.machine.run("apt-get update -q")

    @classmethod
    def tearDownClass(cls):
        cls.machine.remove()

    @classmethod
    def bring(cls, debs):
        for deb in debs:
            (cls.machine.root / "root" / deb.name).write_bytes(deb.read_bytes())

    def status(self, config=CONFIG):
        return json.loads(self.machine.run(f"nightjar-relay status --config {config} --json"))

    def show(self, unit, what):
        return self.machine.run(f"systemctl show -P {what} {unit}").strip()

    def until(self, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not (value := what()) and time.monotonic() < deadline:
            time.sleep(0.5)
        self.assertTrue(value)

    # --- from nothing to a network ---
    def test_1_the_authority_and_four_relays_of_others(self):
        run = self.machine.run
        run("apt-get install -q -y --no-install-recommends ./nightjar-authority_*.deb ./nightjar-relay_*.deb")
        for name in ("nightjar-relay", "nightjar-authority"):
            self.assertEqual(run(f"stat -c '%U %a' /var/lib/{name}").strip(), f"{name} 700")
            self.assertEqual(self.show(f"{name}.service", "ActiveState"), "inactive")
            self.assertEqual(run(f"getent passwd {name}").strip().split(":")[-1], "/usr/sbin/nologin")
        run(f"runuser -u nightjar-authority -- nightjar-authority init --dir /var/lib/nightjar-authority --network example "
            f"--listen {NETWORK}.9:8443")
        run("systemctl enable --now nightjar-authority")
        self.assertEqual(self.show("nightjar-authority", "StatusText"), f"serves {NETWORK}.9:8443")
        type(self).identities = {}
        for number, (name, role) in enumerate(OTHERS, 2):
            folders = f"/var/lib/nightjar-relay-{name} /run/nightjar-relay-{name}"
            run(f"install -d -m 700 -o nightjar-relay -g nightjar-relay {folders}")
            run(f"install -m 600 -o nightjar-relay -g nightjar-relay /var/lib/nightjar-authority/network.yaml "
                f"/var/lib/nightjar-relay-{name}")
            said = run(f"runuser -u nightjar-relay -- nightjar-relay init --dir /var/lib/nightjar-relay-{name} --name {name} "
                       f"--listen {NETWORK}.{number}:9001 --runtime-dir /run/nightjar-relay-{name} {role}")
            self.identities[name] = re.search("[0-9a-f]{64}", said)[0]
            run(f"systemctl enable --now nightjar-relay@{name}")
            self.assertEqual(self.show(f"nightjar-relay@{name}", "StatusText"),
                             "waits for a network document that lists this relay")

    def test_2_from_package_to_healthy_by_the_book(self):
        """Each command of the section; only the address and the file of the package differ."""
        run = self.machine.run
        run("cp /var/lib/nightjar-authority/network.yaml /root/network.yaml")
        commands = commands_of("From package to healthy")
        self.assertGreaterEqual(len(commands), 6)
        began = time.monotonic()
        for command in commands:
            command = command.replace("192.0.2.1", f"{NETWORK}.1").replace("nightjar-relay_0.1.0_amd64.deb",
                                                                        "nightjar-relay_*_amd64.deb")
            said = run(command)
            if " init " in command:
                self.identities["wren"] = re.search("[0-9a-f]{64}", said)[0]
            if "systemctl enable" in command:
                # What the authority's operator does meanwhile.
                for name, identity in self.identities.items():
                    run(f"runuser -u nightjar-authority -- nightjar-authority admit {identity} --operator {name} "
                        f"--dir /var/lib/nightjar-authority")
        self.assertLess(time.monotonic() - began, 600, "ten minutes")
        self.assertEqual(self.status()["state"], "active")
        self.assertEqual(self.show("nightjar-relay", "StatusText"), "active")

    # --- under systemd ---
    def test_3_nothing_is_missing_in_the_unit(self):
        """The hardening takes nothing that the relay needs: it would say so in its log."""
        pid = self.show("nightjar-relay", "MainPID")
        # Others of the network, not the unit.
        others = ["too many of this relay's loops", "does not take the descriptor", "cannot be signed yet"]
        if self.machine.call(HAS_LANDLOCK)[0] != 0:
            others.append("this kernel has no Landlock")
        if limit_of_this_machine(resource.RLIMIT_MEMLOCK) < MEMLOCK:
            others.append("lock its keys and replay filters in memory")
        else:
            self.assertTrue(self.status()["keys_locked_in_memory"])
        for unit in ("nightjar-relay", "nightjar-relay@stork", "nightjar-authority"):
            log = self.machine.run(f"journalctl -q -o cat -p warning -u {unit}")
            self.assertEqual([line for line in log.splitlines() if not any(one in line for one in others)], [], unit)
        facts = self.machine.run(f"cat /proc/{pid}/status")
        self.assertRegex(facts, r"CapEff:\s+0000000000000000")
        self.assertRegex(facts, r"Seccomp:\s+2")

    def test_3_what_runs_is_what_the_manifest_names(self):
        (self.machine.root / "root/MANIFEST").write_bytes((PACKAGES / "MANIFEST").read_bytes())
        said = self.machine.run("nightjar-relay verify-build --manifest /root/MANIFEST")
        self.assertIn("MANIFEST: has it as nightjar-relay_", said)
        self.assertIn(self.status()["build"], said)

    def test_3_reload_and_watchdog(self):
        run = self.machine.run
        run("systemctl reload nightjar-relay")
        self.until(lambda: self.show("nightjar-relay", "ActiveState") == "active")
        run("mkdir -p /etc/systemd/system/nightjar-relay.service.d && printf '[Service]\\nWatchdogSec=2\\n' "
            "> /etc/systemd/system/nightjar-relay.service.d/test.conf && systemctl daemon-reload && "
            "systemctl restart nightjar-relay")
        first = self.show("nightjar-relay", "MainPID")
        run(f"kill -STOP {first}")
        self.until(lambda: self.show("nightjar-relay", "MainPID") not in ("0", first) and
                   self.show("nightjar-relay", "ActiveState") == "active")
        self.until(lambda: self.status()["state"] == "active")
        self.assertIn("Watchdog timeout", run("journalctl -q -o cat -u nightjar-relay"))

    def test_4_a_low_port_by_socket_activation(self):
        for unit, folder, number in (("nightjar-relay", "nightjar-relay", 1), ("nightjar-relay@finch", "nightjar-relay-finch", 2)):
            with self.subTest(unit):
                self.low_port(unit, f"/var/lib/{folder}/relay.yaml", f"{NETWORK}.{number}")

    def low_port(self, unit, config, address):
        run = self.machine.run
        run(f"sed -i 's/{address}:9001/{address}:443/' {config}")
        run(f"systemctl stop {unit}")
        code, said = self.machine.call(f"systemctl start {unit}")
        self.assertNotEqual(code, 0, "the control: without its socket it may not listen there")
        run(f"mkdir -p /etc/systemd/system/{unit}.socket.d && printf '[Socket]\\nListenStream=\\n"
            f"ListenStream={address}:443\\n' > /etc/systemd/system/{unit}.socket.d/port.conf && "
            f"systemctl daemon-reload && systemctl reset-failed {unit} && "
            f"systemctl enable --now {unit}.socket && systemctl start {unit}")
        self.assertEqual(self.status(config)["state"], "active")
        self.assertIn("nightjar-relay", run(f"ss -Hltnp src {address}:443"))
        run(f"systemctl disable --now {unit}.socket && sed -i 's/{address}:443/{address}:9001/' {config} && "
            f"systemctl restart {unit}")
        self.assertEqual(self.status(config)["state"], "active")

    def test_5_a_client_for_the_machine(self):
        run = self.machine.run
        run("apt-get install -q -y --no-install-recommends ./nightjar_*.deb")
        run("install -m 600 -o nightjar -g nightjar /var/lib/nightjar-authority/network.yaml /var/lib/nightjar/anchors.yaml")
        run("runuser -u nightjar -- nightjar init --network /var/lib/nightjar/anchors.yaml --dir /var/lib/nightjar "
            "--listen 127.88.0.50:9150")
        run("systemctl enable --now nightjar", 200)
        self.assertEqual(self.show("nightjar", "StatusText"), f"SOCKS5 {NETWORK}.50:9150")
        self.assertIn("there:", run("nightjar ping --count 1 --config /var/lib/nightjar/client.yaml"))
        if limit_of_this_machine(resource.RLIMIT_RTPRIO) < 1:
            return
        pid = self.show("nightjar", "MainPID")
        policies = run(f"for task in /proc/{pid}/task/*; do chrt -p ${{task##*/}}; done")
        self.assertIn("SCHED_FIFO", policies, "the thread that only writes has no real-time priority")

    def test_6_a_move_to_another_host_by_the_runbook(self):
        """Each command of the section. The two hosts are two instances here, so paths, units and addresses differ."""
        run = self.machine.run
        status = self.status("/var/lib/nightjar-relay-lark/relay.yaml")
        self.assertEqual(status["state"], "active")
        run("install -d -m 700 -o nightjar-relay -g nightjar-relay /var/lib/nightjar-relay-crow")   # as the package would
        for machine, name in (("old", "lark"), ("new", "crow")):
            commands = move_commands(machine)
            self.assertGreaterEqual(len(commands), 3)
            for command in commands:
                command = command.replace(" nightjar-relay.socket", f" nightjar-relay@{name}.socket")
                command = re.sub(r"/var/lib/nightjar-relay(?=[ /]|$)", f"/var/lib/nightjar-relay-{name}", command)
                command = re.sub(r"(systemctl .*) nightjar-relay$", rf"\1 nightjar-relay@{name}", command)
                command = command.replace("192.0.2.1", f"{NETWORK}.3").replace("198.51.100.1", f"{NETWORK}.33")
                run(command)
                if "-xpf" in command:   # two instances of one machine have two runtime folders
                    run("sed -i 's/nightjar-relay-lark/nightjar-relay-crow/' /var/lib/nightjar-relay-crow/relay.yaml")
        moved = "/var/lib/nightjar-relay-crow/relay.yaml"
        self.assertEqual(self.show("nightjar-relay@lark", "ActiveState"), "inactive")
        self.assertEqual(self.show("nightjar-relay@crow", "ActiveState"), "active")
        self.assertEqual(self.status(moved)["identity"], status["identity"])
        self.until(lambda: "is here" in self.status(moved)["authority"]["said"])
        self.assertEqual(run("stat -c '%U %a' /var/lib/nightjar-relay-crow/identity.key").strip(), "nightjar-relay 600")

    def test_6_the_demo_of_the_installed_files(self):
        self.machine.run("apt-get install -q -y --no-install-recommends ./nightjar-tools_*.deb")
        code, said = self.machine.call("nightjar-demo", 600)
        self.assertEqual(said.count("SHA-256 matches"), 2, said[-3000:])
        if code == 0:
            self.assertIn("All rates and transfers are as expected", said)
            return
        late = said.partition(f"{BREAKS}\n")[2].strip().splitlines()
        self.assertTrue(late, said[-3000:])
        self.assertEqual([line for line in late if not only_late(line)], [])
        print("this machine was too busy for the law's times:", *late, sep="\n")

    def test_6_the_demo_watches_its_relays(self):
        self.machine.run("apt-get install -q -y --no-install-recommends prometheus prometheus-alertmanager", 300)
        self.assertIn("The alert fires as expected", self.machine.run("nightjar-demo --monitor", 600))
        self.machine.run("apt-get purge -q -y prometheus prometheus-alertmanager")

    def test_6_what_operators_need_is_installed(self):
        """Rules that promtool accepts are what the demo uses; here the rest."""
        names = "prometheus/rules/nightjar.yml prometheus/prometheus-node-exporter alertmanager/alertmanager.yml " \
            "grafana/dashboards/relay.json exit-notice.html"
        self.machine.run("cd /usr/share/nightjar && ls " + names)
        self.machine.run("cd /usr/share/doc/nightjar-relay && ls runbook.md disclosure.md SECURITY.md operating.md metrics.md")
        self.assertIn("--monitor", self.machine.run("zcat /usr/share/man/man1/nightjar-demo.1.gz").replace("\\-", "-"))

    # --- versions ---
    def kept(self):
        """What no change of version may touch."""
        return self.machine.run("sha256sum /var/lib/nightjar-relay*/*.key /var/lib/nightjar-authority/*.key "
                                "/var/lib/nightjar-relay*/relay.yaml /etc/systemd/system/*.d/*.conf")

    def test_7_upgrade_and_downgrade_keep_keys_and_state(self):
        run = self.machine.run
        before, identity, keys = self.kept(), self.status()["identity"], self.status()["key_epochs"]
        first = self.show("nightjar-relay", "MainPID")
        with tempfile.TemporaryDirectory() as scratch:
            self.bring(changed_version(scratch, "0.9.0"))
        for debs, more in (("./*_0.9.0.deb", ""), (" ".join(f"./{name}_*_amd64.deb" for name in NAMES), "--allow-downgrades")):
            run(f"apt-get install -q -y {more} {debs}")
            self.assertEqual(self.kept(), before)
            self.assertNotEqual(self.show("nightjar-relay", "MainPID"), first, "the old program still runs")
            first = self.show("nightjar-relay", "MainPID")
            self.assertEqual(self.status()["identity"], identity)
            self.assertEqual((self.status()["state"], self.status()["key_epochs"]), ("active", keys))
            self.assertEqual(self.show("nightjar-relay@finch", "ActiveState"), "active")
            self.assertEqual(self.show("nightjar-authority", "ActiveState"), "active")

    def test_8_remove_leaves_keys_and_purge_leaves_the_others(self):
        run = self.machine.run
        kept = self.kept()
        run("apt-get remove -q -y nightjar-tools nightjar-relay")
        self.assertEqual(self.kept(), kept)
        self.assertEqual(self.machine.call("pgrep -x nightjar-relay")[0], 1, "a relay runs without its program")
        self.assertEqual(self.machine.call("command -v nightjar-relay")[0], 1)
        # The client's name begins those of the other packages.
        run("apt-get purge -q -y nightjar")
        self.assertEqual(self.kept(), kept)
        self.assertEqual(self.machine.call("ls -d /var/lib/nightjar")[0], 2)
        run("rm -r /etc/systemd/system/nightjar-relay.service.d /etc/systemd/system/nightjar-relay*.socket.d")
        run("apt-get purge -q -y nightjar-relay nightjar-authority")
        left = run("find /var/lib /run /etc /usr /lib -xdev -name '*nightjar*' -not -path '*/systemd/transient/*'; "
                   "find /run -maxdepth 1 -name 'nightjar*'")
        self.assertEqual(left, "")
        self.assertEqual(run("dpkg -l 'nightjar*' 2>/dev/null | grep -c ^ii || true").strip(), "0")


if __name__ == "__main__":
    unittest.main(verbosity=2)
