"""faults 34: a network whose packets have 1,280 bytes at most, then 576: downloads are whole.

It runs in a network namespace of its own, as root of a user namespace if need be. A cell fills two or three TCP
segments there, and five.
"""
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

INSIDE = "NIGHTJAR_OWN_NAMESPACE"
HEADERS = 20 + 20       # of IPv4 and TCP, without options
LARGE, SMALL = 1280, 576
PAGE_SECONDS_MAX, SECONDS_MAX = 30, 120


def set_mtu(size):
    subprocess.run(["ip", "link", "set", "lo", "up", "mtu", str(size)], check=True)


class Mtu(NetworkTest):
    @classmethod
    def setUpClass(cls):
        set_mtu(LARGE)
        super().setUpClass()

    def segments(self):
        """The largest segments that the connections of this namespace may send."""
        said = subprocess.run(["ss", "-tinH", "state", "established"], capture_output=True, text=True, check=True).stdout
        return [int(size) for size in re.findall(r"\bmss:(\d+)", said)]

    def check_segments(self, mtu):
        segments = self.segments()
        self.assertGreater(len(segments), 4)
        self.assertLessEqual(max(segments), mtu - HEADERS)

    def test_small_packets(self):
        arrived, _, ended = self.curl.small_page(PAGE_SECONDS_MAX)
        self.assertTrue(arrived, ended)
        self.check_segments(LARGE)
        set_mtu(SMALL)      # the links that stand learn of it
        self.curl.download(self.digest, SECONDS_MAX)
        self.check_segments(SMALL)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        own = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", *own, sys.executable, *sys.argv])
    unittest.main(verbosity=0)
