"""Relay and client run in their sandbox: read from the kernel, for every thread of the running programs."""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402


class Sandboxed(NetworkTest):
    def test_every_thread_of_the_daemons(self):
        daemons = 0
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                command = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            is_ours = any(str(self.net.folder) in part.decode(errors="replace") for part in command)
            if not is_ours or Path(command[0].decode()).name not in ("nightjar", "nightjar-relay"):
                continue
            daemons += 1
            for thread in os.listdir(f"/proc/{pid}/task"):
                lines = Path("/proc", pid, "task", thread, "status").read_text(encoding="ascii").splitlines()
                self.assertIn("NoNewPrivs:\t1", lines, command)
                self.assertIn("Seccomp:\t2", lines, command)
        self.assertEqual(daemons, len(self.net.relays) + 1)

    def test_an_exit_still_finds_names_and_connects(self):
        self.assertEqual(self.curl.download(self.digest, 60).size, self.file.stat().st_size)


if __name__ == "__main__":
    unittest.main()
