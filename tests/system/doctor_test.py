"""`nightjar-relay doctor` and all JSON that the program prints, in a running network without a fault."""
import json
import subprocess
import sys
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

    def test_the_page_has_what_the_status_says(self):
        config = self.net.relays[0].config
        status = json.loads(self.call("status", "--json", "--config", config))
        page = self.call("status", "--html", "-", "--config", config)
        for text in ("active", status["name"], status["identity"], status["network"], str(status["epoch"])):
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
