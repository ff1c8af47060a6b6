"""The AppArmor profiles: what AppArmor's own parser says, and that each unit takes the profile of its daemon.

Whether a kernel enforces them is not tested: it would have to be a kernel with AppArmor. So this test holds the text to what
the daemons are known to use: their folders, and the files that their own sandbox leaves open.
"""
import os
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

# Debian's PATH of users does not have it.
PARSER = shutil.which("apparmor_parser", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
ITSELF = "/usr/bin/nightjar-relay mrix,"
PROFILES = {path.name: path for path in (ROOT / "deploy/apparmor").iterdir()}


def parse(path, *arguments):
    """Compiles the profile without loading it or a cache. The parser's complaints, or what it was asked for."""
    done = subprocess.run([PARSER, "-Q", "-K", *arguments, path], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    return done.returncode, done.stdout if done.returncode == 0 else done.stderr


def rules_of(path):
    return [line.strip() for line in path.read_text().splitlines() if line.startswith("  ") and not line.strip().startswith("#")]


class Profiles(unittest.TestCase):
    def setUp(self):
        self.assertIsNotNone(PARSER, "apparmor is not installed")

    def test_the_parser_takes_each(self):
        self.assertEqual(set(PROFILES), {"nightjar-relay", "nightjar-authority", "nightjar"})
        for name, path in PROFILES.items():
            code, said = parse(path)
            self.assertEqual(code, 0, said)
            self.assertEqual(parse(path, "-N"), (0, f"{name}\n"))

    def test_the_parser_refuses_a_fault(self):
        """The control."""
        with tempfile.TemporaryDirectory() as folder:
            wrong = Path(folder) / "wrong"
            wrong.write_text(PROFILES["nightjar-relay"].read_text().replace("network inet stream,", "network inet steam,"))
            self.assertNotEqual(parse(wrong)[0], 0)

    def test_each_service_takes_its_own_and_no_other_call_does(self):
        for name, text in units.units().items():
            if name.endswith(".service"):
                daemon = re.sub("@?[.]service$", "", name)
                self.assertIn(f"\nAppArmorProfile=-{daemon}\n", text)
        for name, path in PROFILES.items():
            self.assertIn(f"\nprofile {name} flags", path.read_text(), "a profile with a path would hold every call")

    def test_nothing_is_executed_and_no_right_is_given(self):
        """But an exit starts its own program again, under the same profile, for name lookups."""
        self.assertIn(ITSELF, rules_of(PROFILES["nightjar-relay"]))
        for path in PROFILES.values():
            for rule in set(rules_of(path)) - {ITSELF}:
                self.assertNotRegex(rule, r"^(capability|mount|ptrace|change_profile|userns)\b")
                access = re.search(r" ([a-zA-Z]+),$", rule)
                if "/" in rule and not rule.startswith("include"):
                    self.assertRegex(access[1], "^[rwkm]+$", rule)
                    self.assertFalse("w" in access[1] and "m" in access[1], rule)

    def test_the_folders_are_those_of_the_units(self):
        for name, text in units.units().items():
            if not name.endswith(".service"):
                continue
            rules = rules_of(PROFILES[re.sub("@?[.]service$", "", name)])
            for option, place in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "@{run}")):
                for folder in re.findall(rf"^{option}=(.*)$", text, re.MULTILINE):
                    stem = folder.removesuffix("-%i")
                    pattern = stem + "{,-*}" if stem == "nightjar-relay" else stem
                    self.assertIn(f"owner {place}/{pattern}/** rwk,", rules)


if __name__ == "__main__":
    unittest.main(verbosity=0)
