"""`nightjar-relay doctor` and all JSON that the program prints, in a running network without a fault."""
import hashlib
import json
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import jsonschema

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from schemas import SCHEMAS, fitting, schema_of  # noqa: E402
from testnet import NetworkTest  # noqa: E402

# What depends on the machine that runs this test, not on the relay.
OF_THE_HOST = {"clock", "clock_kept", "kernel", "swap", "crash_dumps", "page_merging", "memory_stalls", "disk",
               "speed"}


class Doctor(NetworkTest):
    def call(self, *arguments, code=0):
        done = subprocess.run([self.net.program("nightjar-relay"), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def test_every_relay_of_a_network_without_a_fault_is_well(self):
        for relay in self.net.relays:
            with self.subTest(relay=relay.name):
                answer = fitting("doctor", self.call("doctor", "--json", "--config", relay.config))
                found = {finding["name"]: finding for finding in answer["findings"]}
                self.assertEqual(len(found), len(answer["findings"]), "two findings have one name")
                for name, finding in found.items():
                    if name not in OF_THE_HOST and name != "dns":
                        self.assertEqual(finding["health"], "ok", finding)
                self.assertIn("relays of the layer before have a link to it", found["reachable"]["seen"])
                people = self.call("doctor", "--config", relay.config)
                for name in found:
                    self.assertIn(f" {name} ", people)

    def test_only_an_exit_is_asked_for_its_name_servers(self):
        for relay in self.net.relays:
            answer = json.loads(self.call("doctor", "--json", "--config", relay.config))
            names = {finding["name"] for finding in answer["findings"]}
            is_exit = "exit:\n  policy: [\"" in Path(relay.config).read_text()
            self.assertEqual({"dns", "dns_hijack"} & names, {"dns", "dns_hijack"} if is_exit else set(), relay.name)

    def test_each_json_fits_its_schema(self):
        config = self.net.relays[0].config
        status = fitting("status", self.call("status", "--json", "--config", config))
        self.assertEqual(status["state"], "active")
        self.assertGreater(status["self_test"]["unwraps_per_second"], 100)
        self.assertTrue(fitting("check", self.call("check", "--json", "--config", config))["ok"])
        self.assertFalse(fitting("confirm-clock", self.call("confirm-clock", "--json", "--config", config))["confirmed"])
        fitting("version", self.call("version", "--json"))
        refused = fitting("check", self.call("check", "--json", "--config", "/no/such.yaml", code=3))
        self.assertFalse(refused["ok"])
        self.assertIn("/no/such.yaml", refused["error"])

    def test_the_status_says_how_many_links_are_post_quantum(self):
        """All with the OpenSSL of Debian 13, none with that of Debian 12. Python has the same library as the relays."""
        for relay in self.net.relays:
            status = json.loads(self.call("status", "--json", "--config", relay.config))
            up = status["next_relays_up"] + status["previous_relays_up"]
            can = ssl.OPENSSL_VERSION_INFO >= (3, 5)
            self.assertEqual(status["links_post_quantum"], up if can else 0, relay.name)
            self.assertRegex(self.call("status", "--config", relay.config), r" from the one before; \d+ of them post-quantum\n")

    def test_a_build_is_the_hash_of_the_program_that_runs(self):
        """The same in the status, in the relay's descriptor, by verify-build, and by anyone with the file."""
        program, relay = Path(self.net.program("nightjar-relay")), self.net.relays[0]
        mine = hashlib.sha256(program.read_bytes()).hexdigest()
        self.assertEqual(fitting("verify-build", self.call("verify-build", "--json"))["sha256"], mine)
        self.assertEqual(json.loads(self.call("status", "--json", "--config", relay.config))["build"], mine)
        descriptor = Path(relay.config).parent / "descriptor"
        self.assertIn(f"\nbuild {mine}\n", descriptor.read_text())

        manifest = self.net.folder / "MANIFEST"
        manifest.write_text(f"{mine}  nightjar-relay_0.1.0_amd64/usr/bin/nightjar-relay\n")
        found = fitting("verify-build", self.call("verify-build", "--json", "--manifest", manifest))
        self.assertEqual((found["released"], found["path"]), (True, "nightjar-relay_0.1.0_amd64/usr/bin/nightjar-relay"))
        of_relay = fitting("verify-build", self.call("verify-build", "--json", "--manifest", manifest, "--descriptor", descriptor))
        self.assertEqual((of_relay["subject"], of_relay["released"]), (f"relay {relay.name}", True))

        # Several at once, as an authority publishes them. Other files of a folder are passed over.
        published = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (published / "descriptors.1").write_text("".join((Path(each.config).parent / "descriptor").read_text()
                                                         for each in self.net.relays))
        (published / "network.yaml").write_text("network: x\n")
        for path in (published, published / "descriptors.1"):
            many = fitting("verify-build", self.call("verify-build", "--json", "--manifest", manifest, "--descriptors", path))
            self.assertEqual(sorted(each["name"] for each in many["relays"]), sorted(each.name for each in self.net.relays))
            self.assertEqual({(each["verdict"], each["sha256"]) for each in many["relays"]}, {("same", mine)})
        self.assertIn(f" relays: {len(self.net.relays)} same, 0 other, 0 unknown\n",
                      self.call("verify-build", "--manifest", manifest, "--descriptors", published))
        self.call("verify-build", "--descriptors", published / "network.yaml", code=3)
        self.call("verify-build", "--descriptors", published, "--descriptor", descriptor, code=2)

        # One byte more at its end: the program runs as before, and is another one.
        other = Path(self.enterContext(tempfile.TemporaryDirectory())) / "nightjar-relay"
        other.write_bytes(program.read_bytes() + b"\0")
        other.chmod(0o755)
        done = subprocess.run([other, "verify-build", "--json", "--manifest", manifest], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, fitting("verify-build", done.stdout)["released"]), (1, False), done.stderr)

        manifest.write_text("nonsense\n")
        self.call("verify-build", "--manifest", manifest, code=3)
        self.call("verify-build", "--manifest", "/no/such", code=3)
        self.call("verify-build", "--descriptor", manifest, code=3)

    def test_the_page_has_what_the_status_says(self):
        config = self.net.relays[0].config
        status = json.loads(self.call("status", "--json", "--config", config))
        page = self.call("status", "--html", "-", "--config", config)
        for text in ("active", status["name"], status["identity"], status["build"], status["network"], str(status["epoch"])):
            self.assertIn(text, page)
        file = self.net.folder / "page.html"
        self.assertEqual(self.call("status", "--html", file, "--config", config), "")
        self.assertIn(status["identity"], file.read_text())
        self.assertEqual(file.stat().st_mode & 0o777, 0o644)
        self.call("status", "--html", "-", "--json", "--config", config, code=2)

    def test_a_schema_refuses_what_is_not_in_it(self):
        for path in sorted(SCHEMAS.glob("*.json")):
            jsonschema.Draft202012Validator.check_schema(schema_of(path.stem))
        status = json.loads(self.call("status", "--json", "--config", self.net.relays[0].config))
        for change in ({"clients": 7}, {"state": "well"}, {"identity": "?"}, {"epoch": "1"}):
            with self.assertRaises(jsonschema.ValidationError):
                fitting("status", json.dumps({**status, **change}) + "\n")
        del status["role"]
        with self.assertRaises(jsonschema.ValidationError):
            fitting("status", json.dumps(status) + "\n")


if __name__ == "__main__":
    unittest.main(verbosity=0)
