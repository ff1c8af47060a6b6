"""The secrets of a running relay are in memory that is never swapped and is in no core dump.

The test reads the whole memory of a relay and searches for its keys, as one would search a swap file or a dump. Each place
must be in a region that is locked ("lo") and left out of dumps ("dd"): these are VmFlags in /proc/PID/smaps (proc(5)).
"""
import ctypes
import json
import resource
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import OK, RELAY, OfflineNetwork  # noqa: E402
from seizure import may_read_memory, regions_of, secrets_in  # noqa: E402

PR_CAPBSET_DROP, CAP_IPC_LOCK, CAPABILITY_VERSION = 24, 14, 0x20080522
ENOUGH = 64 << 20       # bytes that a relay of this test locks, and more
LIBC = ctypes.CDLL(None, use_errno=True)


def lock_nothing():
    """The process that runs next may lock no memory, root or not."""
    LIBC.prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0)
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    LIBC.capget(header, sets)
    sets[2] = sets[5] = 0       # the inheritable ones: they would come back with the next program
    LIBC.capset(header, sets)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))


def may_lock_enough():
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff:"))
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return int(held.split()[1], 16) >> CAP_IPC_LOCK & 1 == 1 or soft == resource.RLIM_INFINITY or soft >= ENOUGH


class LockedSecrets(OfflineNetwork):
    def setUp(self):
        if not may_read_memory():
            raise AssertionError("this test reads the memory of a relay: run it as root")
        super().setUp()
        self.sign()

    def secrets(self):
        """{name: the 32 bytes} of all keys of the relay."""
        folder = self.config.parent
        files = [folder / "identity.key", folder / "link.key", *sorted((folder / "run").glob("*.key"))]
        return {file.name: bytes.fromhex(file.read_text().split()[-1]) for file in files}

    def places(self, relay):
        """{name of a key: the regions that hold it}. What only one of two searches finds was on its way."""
        secrets = self.secrets()
        first, second = ({(name, at): region for name, at, region in secrets_in(relay.pid, secrets)} for _ in range(2))
        found = {name: [] for name in secrets}
        for name, at in sorted(first.keys() & second.keys()):
            found[name].append(second[name, at])
        return found

    def status(self):
        done = subprocess.run([RELAY, "status", "--config", self.config, "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, OK, done.stderr)
        return json.loads(done.stdout)

    def assert_all(self, places, flag):
        for name, regions in places.items():
            self.assertTrue(regions, f"{name} is not in the memory: the search is wrong")
            for region in regions:
                self.assertIn(flag, region.flags, f"{name} is in {region.name or 'memory without a name'}")

    def test_each_key_is_locked_and_in_no_dump(self):
        relay = self.start()
        places = self.places(relay)
        self.assertEqual(len(places), 5)            # identity, link, and three epochs
        self.assert_all(places, "dd")
        locked = self.status()["keys_locked_in_memory"]
        if may_lock_enough():
            self.assertIs(locked, True)
        if locked:
            self.assert_all(places, "lo")
        self.stop(relay)

    def test_a_relay_that_may_lock_nothing_says_so(self):
        relay = subprocess.Popen([RELAY, "run", "--config", self.config], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=lock_nothing)
        self.running.append(relay)
        said = ""
        while "ready" not in said:
            line = relay.stdout.readline()
            self.assertTrue(line, said)
            said += line
        self.assertIn("LimitMEMLOCK=", said)
        self.assertIs(self.status()["keys_locked_in_memory"], False)
        self.assertFalse([region for region in regions_of(relay.pid) if "lo" in region.flags])
        self.assert_all(self.places(relay), "dd")
        self.stop(relay)


if __name__ == "__main__":
    unittest.main(verbosity=0)
