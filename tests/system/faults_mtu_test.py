"""faults 34: a network whose packets have 1,280 bytes at most, then 576: downloads are whole. And a path that drops larger
packets than 1,280 bytes and says nothing (a PMTU black hole): links come up again with small segments.

It runs in a network namespace of its own, as root of a user namespace if need be. A cell fills two or three TCP
segments there, and five.
"""
import os
import re
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.network import LINK_PORT  # noqa: E402

INSIDE = "NIGHTJAR_OWN_NAMESPACE"
HEADERS = 20 + 20       # of IPv4 and TCP, without options
WIRE, LARGE, SMALL = 1500, 1280, 576
SMALL_SEGMENT = 1220       # sphinx/node/link/segments.hpp
PAGE_SECONDS_MAX, SECONDS_MAX = 30, 120


def set_mtu(size):
    subprocess.run(["ip", "link", "set", "lo", "up", "mtu", str(size)], check=True)


def segments(of=""):
    """The largest segments that the connections of this namespace may send."""
    said = subprocess.run(["ss", "-tinH", "state", "established", of], capture_output=True, text=True, check=True).stdout
    return [int(size) for size in re.findall(r"\bmss:(\d+)", said)]


def make_black_hole(size):
    """Larger packets of links vanish. Each segment is a packet, as on a wire: lo alone would carry several in one."""
    subprocess.run(["ip", "link", "set", "lo", "gso_max_segs", "1"], check=True)
    subprocess.run(["nft", f"""table inet hole {{
        chain out {{
            type filter hook output priority 0;
            meta length > {size} tcp dport {LINK_PORT} counter name vanished drop
            meta length > {size} tcp sport {LINK_PORT} counter name vanished drop
        }}
        counter vanished {{}}
    }}"""], check=True)


def vanished():
    said = subprocess.run(["nft", "list", "counter", "inet", "hole", "vanished"], capture_output=True, text=True, check=True)
    return int(re.search(r"packets (\d+)", said.stdout)[1])


class Mtu(NetworkTest):
    @classmethod
    def setUpClass(cls):
        set_mtu(LARGE)
        super().setUpClass()

    def check_segments(self, mtu):
        found = segments()
        self.assertGreater(len(found), 4)
        self.assertLessEqual(max(found), mtu - HEADERS)

    def test_small_packets(self):
        arrived, _, ended = self.curl.small_page(PAGE_SECONDS_MAX)
        self.assertTrue(arrived, ended)
        self.check_segments(LARGE)
        set_mtu(SMALL)      # the links that stand learn of it
        self.curl.download(self.digest, SECONDS_MAX)
        self.check_segments(SMALL)


class BlackHole(NetworkTest):
    """Runs before Mtu, by its name: it needs the path from the start."""
    @classmethod
    def setUpClass(cls):
        set_mtu(WIRE)
        make_black_hole(LARGE)
        super().setUpClass()

    def test_a_path_that_drops_large_packets(self):
        self.curl.download(self.digest, SECONDS_MAX)
        self.assertGreater(vanished(), len(self.net.relays))
        deadline = time.monotonic() + SECONDS_MAX
        while max(segments(f"( sport = :{LINK_PORT} or dport = :{LINK_PORT} )"), default=WIRE) > SMALL_SEGMENT:
            self.assertLess(time.monotonic(), deadline, "a link has large segments still")
            time.sleep(0.5)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        subprocess.run(["nft", "delete", "table", "inet", "hole"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "gso_max_segs", "65535"], check=True)


if __name__ == "__main__":
    if INSIDE not in os.environ:
        own = ["--net"] if os.geteuid() == 0 else ["--net", "--user", "--map-root-user"]
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", *own, sys.executable, *sys.argv])
    unittest.main(verbosity=0)
