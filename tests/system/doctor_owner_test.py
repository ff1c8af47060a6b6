"""`nightjar-relay doctor` as root sees what the relay's user sees. Only root can be two users."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import FAILURE, OK, RELAY, OfflineNetwork  # noqa: E402
from schemas import fitting  # noqa: E402

USER = 54321    # of the relay; no account is needed


class Owner(OfflineNetwork):
    def setUp(self):
        if os.geteuid() != 0:
            print("skipped: only root can be two users")
            self.skipTest("only root can be two users")
        super().setUp()
        self.sign()
        self.sign_changed(lambda facts: facts.replace("parameter.lab 0", "parameter.lab 1"))
        # A place that the relay's user can enter: the run's own folder is for this user alone.
        place = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="nightjar-owner-")
        self.addCleanup(place.cleanup)
        os.chmod(place.name, 0o755)
        self.home = Path(place.name) / "mix"
        shutil.copytree(self.relays / "mix", self.home, ignore=shutil.ignore_patterns("*.sock"))
        for name in ("network.yaml", "document"):
            shutil.copy(self.folder / name, place.name)
            os.chmod(Path(place.name) / name, 0o644)
        self.config = self.home / "relay.yaml"
        self.edited(lambda text: text.replace(str(self.relays / "mix"), str(self.home))
                    .replace(str(self.folder), place.name))
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, USER, USER)

    def doctor(self):
        done = subprocess.run([RELAY, "doctor", "--json", "--config", self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        answer = fitting("doctor", done.stdout)
        self.assertEqual(done.returncode, FAILURE if answer["health"] == "bad" else OK)
        return {finding["name"]: finding for finding in answer["findings"]}

    def test_files_of_the_relays_user_are_well(self):
        found = self.doctor()
        for name in ("check", "keys", "modes", "runtime_dir"):
            self.assertEqual(found[name]["health"], "ok", found[name])

    def test_a_key_that_root_has_restored_is_not_the_relays(self):
        key = self.home / "identity.key"
        os.chown(key, 0, 0)
        found = self.doctor()
        self.assertEqual(found["check"]["health"], "bad", found["check"])
        self.assertEqual(found["keys"]["health"], "bad", found["keys"])
        subprocess.run(["sh", "-ec", found["keys"]["mend"]], check=True)
        self.assertEqual(self.doctor()["keys"]["health"], "ok")

    def test_a_configuration_that_the_relay_cannot_read(self):
        os.chown(self.config, 0, 0)
        self.config.chmod(0o600)
        found = self.doctor()
        self.assertEqual(found["check"]["health"], "bad", found["check"])
        self.assertIn("Permission denied", found["check"]["seen"])


if __name__ == "__main__":
    unittest.main(verbosity=0)
