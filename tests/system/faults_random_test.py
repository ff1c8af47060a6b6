"""faults 53: a system that gives no random numbers. No program makes a key or runs; each says why and ends.

getrandom() fails by a seccomp filter. Where only that fails, /dev/urandom is a good source, and keys are made of it.
"""
import ctypes
import platform
import re
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import AUTHORITY, CLIENT, OK, RELAY, OfflineNetwork, own_mounts  # noqa: E402

GETRANDOM = {"x86_64": 318, "aarch64": 278}[platform.machine()]
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
FAIL_EIO, ALLOW = 0x00050005, 0x7fff0000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER_MODE = 38, 22, 2
NO_SOURCE = "mount --bind /dev/null /dev/urandom; mount --bind /dev/null /dev/random"
LINE = "no random numbers"


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def refuse_getrandom():
    """From here on getrandom() fails with EIO, in this process and those that it starts."""
    steps = [(LOAD, 0, 0, 0), (IF_EQUAL, 0, 1, GETRANDOM), (RETURN, 0, 0, FAIL_EIO), (RETURN, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, FILTER_MODE, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


class NoRandom(OfflineNetwork):
    def without(self, *command, devices=False):
        """Runs a command without getrandom(), and unless `devices` without /dev/urandom."""
        before = [] if devices else own_mounts(NO_SOURCE)
        return subprocess.run([*before, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, preexec_fn=refuse_getrandom)

    def init_command(self, folder):
        return [RELAY, "init", "--dir", folder, "--name", "mix", "--role", "mix", "--listen",
                f"{self.claim.network}.9:9001", "--runtime-dir", folder / "run", "--network", self.folder / "network.yaml",
                "--document", self.folder / "document"]

    def test_no_source(self):
        self.sign()
        client = self.init_client()
        for made, command in {
                "relay": self.init_command(self.folder / "relay"),
                "second-authority": [AUTHORITY, "init", "--dir", self.folder / "second-authority"],
                "": [RELAY, "run", "--config", self.config],
                " ": [CLIENT, "run", "--config", client]}.items():
            done = self.without(*command)
            self.assertLess(done.returncode, 0, f"{command}: {done.stdout}")
            self.assertNotIn("ready", done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(LINE, done.stderr)
            keys = [file for file in (self.folder / made).rglob("*.key")] if made.strip() else []
            self.assertEqual(keys, [])

    def test_only_the_device(self):
        keys = set()
        for name in ("one", "two"):
            done = self.without(*self.init_command(self.folder / name), devices=True)
            self.assertEqual(done.returncode, OK, done.stderr)
            for file in (self.folder / name).rglob("*.key"):
                keys.add(re.findall(r"[0-9a-f]{64}", file.read_text())[-1])
        self.assertGreaterEqual(len(keys), 4)
        for key in keys:
            self.assertGreater(len(set(bytes.fromhex(key))), 16, "bytes that repeat")


if __name__ == "__main__":
    unittest.main(verbosity=0)
