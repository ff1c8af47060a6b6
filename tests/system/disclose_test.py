"""`nightjar-relay disclose`: what it lists is what is there, and it leaves nothing behind."""
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import NOT_READY, RELAY, OfflineNetwork  # noqa: E402
from schemas import fitting  # noqa: E402
from testnet import ROOT  # noqa: E402

BY_TRAFFIC = ("none", "some")
CATEGORIES = {"name", "asked_at", "lab_network", "files", "keys", "memory", "memory_dump", "kernel", "logs", "metrics",
              "hoster"}


def everything_in(folder):
    return {file: (file.lstat().st_size, file.lstat().st_mtime_ns) for file in folder.rglob("*")}


class Disclose(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()

    def ask(self, *more):
        done = subprocess.run([RELAY, "disclose", "--config", self.config, *more], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def disclosed(self):
        return fitting("disclose", self.ask("--json"))

    def files(self):
        return {file["path"]: file for file in self.disclosed()["files"]}

    def test_every_file_is_listed_and_an_added_one_is_unknown(self):
        relay = self.start()
        folder = self.config.parent
        listed = self.files()
        there = {str(file) for file in folder.rglob("*") if file != folder / "run"}
        self.assertEqual(there - set(listed), set())
        self.assertEqual([path for path, file in listed.items() if file["kind"] == "unknown"], [])
        self.assertEqual(listed[str(folder / "identity.key")]["kind"], "long-lived key")
        self.assertEqual(len([1 for file in listed.values() if file["kind"] == "epoch key"]), 3)
        ended = f"{self.epoch_seconds}-1.key"
        for added in (folder / "backup.tar", folder / "run" / "notes", folder / "run" / f"{ended}.old"):
            added.write_bytes(b"x" * 77)
        (folder / "old").mkdir()
        (folder / "run" / ended).write_bytes(b"an ended key that was restored")
        now = self.files()
        for added in ("backup.tar", "run/notes", f"run/{ended}.old"):
            self.assertEqual(now[str(folder / added)]["kind"], "unknown", added)
            self.assertEqual(now[str(folder / added)]["size"], 77)
            self.assertLess(now[str(folder / added)]["age_seconds"], 60)
        self.assertEqual(now[str(folder / "old")]["holds"], "unknown folder")
        self.assertEqual(self.disclosed()["keys"]["ended_and_still_on_disk"], [1])
        self.stop(relay)

    def test_keys_are_those_in_memory_and_on_disk(self):
        relay = self.start()
        disclosed = self.disclosed()
        epochs = [key["epoch"] for key in disclosed["keys"]["mix"]]
        on_disk = sorted(int(file.stem.split("-")[1]) for file in (self.config.parent / "run").glob("*.key"))
        self.assertEqual(epochs, on_disk)
        self.assertEqual(disclosed["keys"]["ended_and_still_on_disk"], [])
        for key in disclosed["keys"]["mix"]:
            self.assertGreater(key["matters_until"], time.time())
            self.assertGreaterEqual(key["matters_until"] - key["begins"], self.epoch_seconds)
        self.stop(relay)

    def test_the_document_has_every_table(self):
        """A new table is listed by its object, and explained in docs/disclosure.md."""
        relay = self.start(self.relays / "gate" / "relay.yaml")
        self.config = self.relays / "gate" / "relay.yaml"
        tables = {one["table"] for one in self.disclosed()["memory"]}
        text = (ROOT / "docs" / "disclosure.md").read_text()
        documented = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
        self.assertEqual(tables, documented)
        self.stop(relay)

    def test_outside_a_lab_no_number_follows_the_traffic(self):
        self.config = self.relays / "gate" / "relay.yaml"
        relay = self.start(self.config)
        disclosed = self.disclosed()
        self.assertEqual(set(disclosed), CATEGORIES)
        exact = {"Keyring.entries", "Cover.ahead", "Cover.outstanding", "LoopWatch.relays", "Links.outgoing",
                 "Links.neighbours", "Links.from_relays", "EpochKeys.secrets", "EpochKeys.to_wipe"}
        for one in disclosed["memory"]:
            if one["table"] in exact:
                self.assertIsInstance(one["entries"], int, one)
            else:
                self.assertIn(one["entries"], BY_TRAFFIC, one)
        for name in ("connections", "lookups", "local_sockets"):
            self.assertIn(disclosed["kernel"][name], BY_TRAFFIC)
        self.assertEqual(disclosed["kernel"]["listeners"], 1)
        self.assertEqual(disclosed["metrics"]["series"], [])
        self.assertEqual(disclosed["logs"], {"to": "pipe", "lines_kept_by_the_relay": 0})
        self.stop(relay)

    def test_asking_writes_nothing(self):
        relay = self.start()
        before = everything_in(self.folder)
        text = self.ask()
        self.assertIn("a dump of the memory now shows", text)
        self.assertIn(str(self.config.parent / "identity.key"), text)
        self.assertEqual(everything_in(self.folder), before)
        self.stop(relay)
        log = relay.stdout.read()
        self.assertNotIn("disclose", log)

    def test_without_a_relay_it_says_so(self):
        self.refuses(NOT_READY, "control.sock", "nightjar-relay run", arguments=["disclose", "--config", self.config])


if __name__ == "__main__":
    unittest.main(verbosity=0)
