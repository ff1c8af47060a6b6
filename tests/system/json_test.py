"""What `init` of a relay, the commands of an authority and those of a client that does not run print for scripts: one line of
JSON that fits its schema. The schemas of the other commands are tried where those are tested."""
import json
import subprocess
import sys
import unittest
from pathlib import Path

import jsonschema

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, CLIENT, OK, RELAY, OfflineNetwork  # noqa: E402
from schemas import SCHEMAS, fitting, schema_of  # noqa: E402

AUTHORITIES = 2
VERBS_WITHOUT_JSON = {"run"}
OF_THE_CLIENT = SCHEMAS.parent / "interface"


def verbs_of(program):
    """(all commands, those with --json) of a program."""
    table = subprocess.run([program, "--command-table"], capture_output=True, text=True, check=True).stdout
    verbs, with_json = [], set()
    for line in table.splitlines():
        kind, name, *_ = line.split("\t")
        if kind == "command":
            verbs.append(name)
        elif "--json" in name.split(","):
            with_json.add(verbs[-1])
    return set(verbs) - {""}, with_json


class Json(OfflineNetwork):
    def ask(self, program, verb, *more, schema=None):
        done = subprocess.run([str(word) for word in (program, verb, *more, "--json")], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stderr), (OK, ""), done.stdout)
        return fitting(schema or f"authority-{verb}", done.stdout)

    def relay(self, name):
        folder = self.folder / name
        return self.ask(RELAY, "init", "--dir", folder, "--name", name, "--listen", f"{self.claim.network}.50:9001",
                        "--runtime-dir", folder / "run", schema="init")

    def test_a_relay_and_one_authority(self):
        folder = self.folder / "authority-of-one"
        made = self.ask(AUTHORITY, "init", "--dir", folder, "--network", "example", "--listen",
                        f"{self.claim.network}.51:8443")
        self.assertEqual(made["give"], str(folder / "network.yaml"))
        relay = self.relay("wren")
        for file in ("config", "descriptor"):
            self.assertTrue(Path(relay[file]).exists(), file)
        there = ("--dir", folder)
        self.assertEqual(self.ask(AUTHORITY, "list", *there), [])
        self.assertIs(self.ask(AUTHORITY, "admit", relay["identity"], "--operator", "ann", *there)["new"], True)
        changed = self.ask(AUTHORITY, "admit", relay["identity"], "--operator", "ann", "--family", "f", "--capacity", 7, *there)
        self.assertEqual((changed["new"], changed["family"], changed["capacity"]), (False, "f", 7))
        self.assertEqual(self.ask(AUTHORITY, "list", *there),
                         [{"identity": relay["identity"], "operator": "ann", "family": "f", "capacity": 7}])
        self.ask(AUTHORITY, "expel", relay["identity"], *there)
        self.assertEqual(self.ask(AUTHORITY, "publish", self.folder / "web", *there)["documents"], 0)

    def test_authorities_that_found_a_network_together(self):
        folders = [self.folder / f"authority-{number}" for number in range(AUTHORITIES)]
        for number, folder in enumerate(folders):
            made = self.ask(AUTHORITY, "init", "--dir", folder, "--network", "example", "--authorities", AUTHORITIES,
                            "--listen", f"{self.claim.network}.{60 + number}:8443")
            self.assertEqual(self.ask(AUTHORITY, "introduce", "--dir", folder)["give"], made["give"])
        files = [folder / "introduction" for folder in folders]
        ids = {self.ask(AUTHORITY, "assemble", *files, "--dir", folder)["network_id"] for folder in folders}
        self.assertEqual(len(ids), 1)

    def test_a_document_by_hand(self):
        self.ask(AUTHORITY, "init", "--dir", self.folder / "authority")
        self.sign()
        signed = self.ask(AUTHORITY, "sign", "--dir", self.folder / "authority", "--description",
                          self.folder / "description.yaml", "--out", self.folder)
        self.assertEqual((signed["relays"], signed["gateways"], signed["signatures"]), (3, 2, 1))
        verdict = self.ask(AUTHORITY, "verify", self.folder / "document", "--network", self.folder / "network.yaml")
        self.assertIs(verdict["documents"][0]["valid"], True)
        self.assertTrue(verdict["documents"][0]["signers"])

    def test_a_client(self):
        self.sign()
        config = self.folder / "client/client.yaml"
        for verb, options, expected in (
                ("init", ("--network", self.folder / "network.yaml", "--dir", config.parent, "--listen", "127.0.0.1:9160"),
                 {"config": str(config)}),
                ("telegram", ("--config", config), {"link": "tg://socks?server=127.0.0.1&port=9160"})):
            done = subprocess.run([str(word) for word in (CLIENT, verb, *options, "--json")], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual((done.returncode, done.stderr), (OK, ""), done.stdout)
            said = json.loads(done.stdout)
            jsonschema.validate(said, json.loads((OF_THE_CLIENT / f"{verb}.schema.json").read_text(encoding="utf-8")))
            self.assertEqual(said, expected)

    def test_each_command_has_a_schema_or_prints_none(self):
        """A new command of an authority or a client needs both."""
        verbs, with_json = verbs_of(AUTHORITY)
        self.assertEqual(with_json, verbs - VERBS_WITHOUT_JSON)
        self.assertEqual({f"authority-{verb}.json" for verb in with_json},
                         {file.name for file in SCHEMAS.glob("authority-*.json")})
        verbs, with_json = verbs_of(CLIENT)
        self.assertEqual(with_json, verbs - VERBS_WITHOUT_JSON)
        self.assertLessEqual({f"{verb}.schema.json" for verb in with_json}, {file.name for file in OF_THE_CLIENT.iterdir()})

    def test_the_schemas_can_fail(self):
        for file in SCHEMAS.glob("*.json"):
            schema = schema_of(file.stem)
            jsonschema.Draft202012Validator.check_schema(schema)
            for value in (json.loads("{}"), {"unknown": 1}, "text"):
                with self.assertRaises(jsonschema.ValidationError, msg=file.name):
                    jsonschema.Draft202012Validator(schema).validate(value)


if __name__ == "__main__":
    unittest.main(verbosity=0)
