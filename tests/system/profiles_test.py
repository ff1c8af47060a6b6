"""The profiles of docs/parameters.md are valid: the authority signs a network with each, as written there."""
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from offline import AUTHORITY, OK, RELAY, OfflineNetwork, call  # noqa: E402

PROFILES = re.findall(r"\*\*(\w+)\*\*:[^\n]*\n\n```yaml\n(parameters:\n.*?)```",
                      (ROOT / "docs/parameters.md").read_text(), re.S)
LAYERS = 3


class Profiles(OfflineNetwork):
    epoch_seconds = 3600    # as the profiles have it

    def setUp(self):
        super().setUp()
        self.names = ["gate", "door"]
        for number in range(2 * LAYERS):
            name = f"mix-{number}"
            self.names.append(name)
            code, error = call(RELAY, "init", "--dir", self.relays / name, "--name", name, "--role", "mix",
                               "--layer", number % LAYERS + 1, "--listen", f"{self.claim.network}.{40 + number}:9001",
                               "--runtime-dir", self.relays / name / "run", "--network", self.folder / "network.yaml",
                               "--document", self.folder / "document", "--packets-per-second", 10)
            self.assertEqual(code, OK, error)

    def signed(self, parameters):
        """The document's parameters."""
        relays = "relays:\n" + "".join(f"  - {{descriptor: relays/{name}/descriptor, operator: {name}}}\n"
                                       for name in self.names)
        (self.folder / "description.yaml").write_text(f"network: profile\n{parameters}{relays}")
        call(AUTHORITY, "init", "--dir", self.folder / "authority")  # refused the second time: there is a key
        code, error = call(AUTHORITY, "sign", "--dir", self.folder / "authority", "--description",
                           self.folder / "description.yaml", "--out", self.folder)
        self.assertEqual(code, OK, error)
        return [line for line in (self.folder / "document").read_text().splitlines()
                if line.startswith("parameter.")]

    def test_each_is_signed(self):
        self.assertEqual([name for name, _ in PROFILES], ["Low", "Standard", "High"])
        facts = {name: self.signed(parameters) for name, parameters in PROFILES}
        self.assertIn("parameter.main-slots-per-1000s 10000", facts["Low"])
        self.assertIn("parameter.mean-delay-ms 100", facts["High"])

    def test_the_standard_one_is_what_init_writes(self):
        code, error = call(AUTHORITY, "init", "--dir", self.folder / "new", "--network", "profile", "--listen",
                           f"{self.claim.network}.9:8443")
        self.assertEqual(code, OK, error)
        made = (self.folder / "new/authority.yaml").read_text()
        self.assertEqual(self.signed(dict(PROFILES)["Standard"]), self.signed(made[made.index("parameters:"):]))


if __name__ == "__main__":
    unittest.main()
