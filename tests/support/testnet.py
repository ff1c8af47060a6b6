"""A running network of the real programs for system tests, started by the demo's code. One per class."""
import hashlib
import os
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy"))
os.environ["PYTHONPATH"] = str(ROOT / "deploy")

from nightjar_demo import folders, law, network, processes, transfers  # noqa: E402

PROGRAMS = Path(os.environ.get("NIGHTJAR_BUILD", ROOT / "build" / "test"))
FILE_BYTES = 1 << 20


class NetworkTest(unittest.TestCase):
    """Starts relays, services and a client before the first test of the class, stops them after the last."""
    mixes = 1           # per layer
    pps = 50            # main slots per second
    drop_share = 0.0    # share of packets that relays drop
    drops_at = None     # the names of these relays; None: all
    record = False
    parameters = ()     # more lines of the network's description

    @classmethod
    def setUpClass(cls):
        cls.run_folder = folders.Run()
        cls.processes = processes.Processes(cls.run_folder.folder, False)
        cls.net = network.Network(PROGRAMS, cls.run_folder, cls.processes,
                                  law.Law(cls.pps, cls.mixes), cls.record)
        try:
            cls.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def start(cls):
        cls.net.make_keys()
        if cls.drop_share:
            for relay in cls.net.relays:
                if cls.drops_at and relay.name not in cls.drops_at:
                    continue
                with open(relay.config, "a", encoding="utf-8") as config:
                    config.write(f"lab:\n  drop_share: {cls.drop_share}\n")
        cls.net.sign_document(cls.parameters)
        cls.file = cls.net.folder / "file"
        cls.file.write_bytes(os.urandom(FILE_BYTES))
        cls.digest = hashlib.sha256(cls.file.read_bytes()).hexdigest()
        cls.net.start_services(cls.file)
        for relay in cls.net.relays:
            cls.net.start_relay(relay)
            if relay.recorded:
                cls.net.start_recorder(relay)
        for relay in cls.net.relays:
            cls.net.wait_active(relay)
        cls.net.start_client()
        cls.curl = transfers.Curl(cls.net)

    @classmethod
    def tearDownClass(cls):
        bad = cls.processes.stop_all()
        cls.run_folder.remove()
        if bad:
            raise AssertionError("; ".join(bad))
