"""What an observer of the wire sees, by a recorder on the links: record lengths and the traffic law's rates."""
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.checks import (APPLICATION_DATA, CELL_RECORD, record_lengths,  # noqa: E402
                                  strange_records)
from nightjar_demo.network import EVERY_RELAY  # noqa: E402
from nightjar_demo.windows import ClientWindow, Window  # noqa: E402

WINDOW_SECONDS = 20
RECORDED_WITHIN = 1     # seconds, until the recorder has written what it saw
ALERT, CHANGE_CIPHER_SPEC = 21, 20


class Wire(NetworkTest):
    record = EVERY_RELAY

    def check(self, name, *transfer):
        """The client's counters and the wire in one window, to a few events. By the traffic law a slot is
        lost if the machine stalled through it. The client counts it, and the wire must have that many fewer."""
        busy = threading.Thread(target=self.curl.keep_busy, args=transfer) if transfer else None
        if busy:
            busy.start()
            time.sleep(2)
        with ClientWindow(name, self.net) as window:
            time.sleep(WINDOW_SECONDS)
        if busy:
            self.assertTrue(busy.is_alive(), f"{name}: the transfer was over before the window was")
            busy.join()
        time.sleep(RECORDED_WITHIN)
        findings = window.client_findings()
        for finding in findings:
            print(f"measured: {finding.sentence()}")
        self.assertEqual([finding.what for finding in findings][-2:],
                         ["cells up, on the wire", "cells down, on the wire"])
        self.assertEqual([finding.sentence() for finding in findings if not finding.ok], [])

    def test_1_idle(self):
        self.check("idle")

    def test_2_downloading(self):
        self.check("downloading", "/endless", WINDOW_SECONDS + 4)

    def test_3_uploading(self):
        big = self.net.folder / "big"
        big.write_bytes(bytes(8 << 20))
        self.check("uploading", "/upload", WINDOW_SECONDS + 4, "--upload-file", str(big))

    def test_4_only_cells_after_the_handshake(self):
        """On every link of the network."""
        self.assertEqual(record_lengths(self.net), {})

    def test_5_any_other_record_on_an_established_link_is_reported(self):
        """The control of the test before this one."""
        rows = [{"connection": 1, "direction": "up", "type": kind, "length": length}
                for kind, length in ((CHANGE_CIPHER_SPEC, 1), (APPLICATION_DATA, 69), (APPLICATION_DATA, CELL_RECORD))]
        self.assertEqual(strange_records(rows), {})
        for kind, length in ((ALERT, 19), (CHANGE_CIPHER_SPEC, 1), (APPLICATION_DATA, CELL_RECORD - 1)):
            later = {"connection": 1, "direction": "up", "type": kind, "length": length}
            self.assertEqual(strange_records(rows + [later]), {(kind, length): 1})
            self.assertEqual(strange_records(rows + [{**later, "direction": "down"}]), {})

    def test_6_between_relays(self):
        """Each step of a route carries the law's packets, the relays' loops and the exits' cover, and nothing else."""
        with Window("between relays", self.net) as window:
            time.sleep(WINDOW_SECONDS)
        time.sleep(RECORDED_WITHIN)
        findings = window.hop_findings()
        for finding in findings:
            print(f"measured: {finding.sentence()}")
        self.assertEqual(len(findings), 4)
        # The levels were drawn at a full minute since the client came, with room above what exits get and send.
        for what in ("fill_loops", "drop_cover"):
            self.assertGreater(sum(window.after[r.name][what] - window.before[r.name][what] for r in self.net.gateways),
                               WINDOW_SECONDS, what)
        self.assertEqual([finding.sentence() for finding in findings if not finding.ok], [])


if __name__ == "__main__":
    unittest.main(verbosity=0)
