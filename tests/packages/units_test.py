"""The systemd units: what systemd itself says about their text and about what they leave open."""
import ipaddress
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy/packaging"))
import units  # noqa: E402

SCORE_MOST = 15   # tenths; systemd's own scale, on which a unit without any option has 96


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


class Units(unittest.TestCase):
    def setUp(self):
        self.assertIsNotNone(shutil.which("systemd-analyze"), "systemd is not installed")
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.texts = units.units()
        for name, text in self.texts.items():
            (self.folder / name).write_text(text)

    def test_what_there_is(self):
        self.assertEqual(sorted(self.texts), ["nightjar-authority.service", "nightjar-relay.service",
                                              "nightjar-relay.socket", "nightjar-relay@.service", "nightjar-relay@.socket",
                                              "nightjar.service"])
        for name, text in self.texts.items():
            self.assertNotIn("INSTANCE", text, name)
            self.assertNotIn("HARDENING", text, name)

    def test_a_low_port_of_an_instance_is_that_of_its_own_service(self):
        """Its unit starts nightjar-relay@NAME.service by its name, and looks for the same configuration."""
        for name in ("nightjar-relay", "nightjar-relay@"):
            conditions = [[line for line in self.texts[f"{name}.{kind}"].splitlines() if line.startswith("ConditionPathExists")]
                          for kind in ("service", "socket")]
            self.assertEqual(len(conditions[0]), 1)
            self.assertEqual(*conditions)
            self.assertNotIn("Service=", self.texts[f"{name}.socket"])
            self.assertIn(f"systemctl edit {name}{'NAME' if '@' in name else ''}.socket\n", self.texts[f"{name}.socket"])

    def test_exposure_is_at_most_1_5(self):
        services = [name for name in self.texts if name.endswith(".service")]
        for name in services:
            code, said = analyze("security", "--offline=true", f"--threshold={SCORE_MOST}", self.folder / name)
            self.assertEqual(code, 0, said)
            self.assertIn("Overall exposure level", said)

    def test_a_client_reaches_every_unicast_address_and_no_other(self):
        allowed = re.search(r"^IPAddressAllow=(.*)$", self.texts["nightjar.service"], re.MULTILINE)[1].split()
        for every, others in (("0.0.0.0/0", "224.0.0.0/3"), ("::/0", "ff00::/8")):
            left = list(ipaddress.ip_network(every).address_exclude(ipaddress.ip_network(others)))
            self.assertEqual({ipaddress.ip_network(one) for one in allowed if (":" in one) == (":" in every)}, set(left))

    def test_the_scale_sees_what_is_left_out(self):
        """The control: without the list of system calls the same unit is over the bound."""
        weak = self.folder / "weak.service"
        weak.write_text("\n".join(line for line in self.texts["nightjar-relay.service"].splitlines()
                                  if not line.startswith("SystemCallFilter")))
        self.assertNotEqual(analyze("security", "--offline=true", f"--threshold={SCORE_MOST}", weak)[0], 0)

    def test_systemd_understands_every_line(self):
        for name, text in self.texts.items():
            # verify wants programs that exist.
            file = self.folder / name.replace("@.", "@one.")
            file.write_text(text.replace("ExecStart=/usr/bin/nightjar", "ExecStart=/bin/true /usr/bin/nightjar"))
            code, said = analyze("verify", "--man=no", file)
            said = "\n".join(line for line in said.splitlines() if "nightjar" in line)
            self.assertEqual((code, said), (0, ""))

    def test_an_authority_has_a_wall_around_its_memory(self):
        """It serves strangers. Its own bounds are far below (tests/system/node/https_readers_test.cpp)."""
        self.assertIn("\nMemoryMax=512M\n", self.texts["nightjar-authority.service"])

    def test_only_the_client_may_ask_for_time_of_its_own(self):
        """Its writing thread takes a real-time priority; the calls for that are closed to the others."""
        for name, text in self.texts.items():
            if name.endswith(".service"):
                self.assertEqual("RestrictRealtime=no" in text, name == "nightjar.service", name)
                self.assertEqual("SystemCallFilter=~@resources" not in text, name == "nightjar.service", name)


if __name__ == "__main__":
    unittest.main(verbosity=0)
