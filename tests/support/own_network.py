"""Tests in a network namespace of their own, where nftables can count every packet. They need root.

The namespace has `lo` and the default route `out`, a link that leads nowhere: what goes there is counted and lost.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from testnet import NetworkTest

OWN_NETWORK = "NIGHTJAR_OWN_NETWORK"    # set in the namespace


def run(*command, user=None, code=0, text=None, seconds=90):
    """The command's output. Any exit code but `code` is an error; None allows all."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds, user=user,
                          input=text, cwd="/")
    if code is not None and done.returncode != code:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stdout} {done.stderr}")
    return done.stdout


class OwnNetworkTest(NetworkTest):
    """`public` is a folder that several users can enter."""
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            print("skipped: only root can make a network of its own with several users")
            raise unittest.SkipTest("not root")
        cls.public = Path(tempfile.mkdtemp(dir="/dev/shm"))     # the others' folder is for one user only
        cls.public.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.public)
        super().setUpClass()


def main(*namespaces):
    """Runs the file's tests in a new network namespace, and in new ones of these kinds ("--mount")."""
    if os.geteuid() == 0 and OWN_NETWORK not in os.environ:
        os.environ[OWN_NETWORK] = "1"
        os.execvp("unshare", ["unshare", "--net", *namespaces, sys.executable, *sys.argv])
    if os.geteuid() == 0:
        run("ip", "link", "set", "lo", "up")
        for words in ("link add out type veth peer name far", "address add 192.0.2.2/24 dev out", "link set far up",
                      "link set out up", "route add default via 192.0.2.77 dev out"):
            run("ip", *words.split())
    unittest.main(verbosity=0)
