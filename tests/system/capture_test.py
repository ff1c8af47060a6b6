"""What an independent observer says of every link of the demo's network: tshark, where it may capture.

wire_test.py measures with a recorder of ours, always and without privilege. This one needs tshark, which the suite
installs (deploy/install-packages capture), and the right to capture on lo. Where that is missing its tests are
skipped, with the reason.
"""
import sys
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.capture import Capture, records  # noqa: E402
from nightjar_demo.checks import APPLICATION_DATA, CELL_RECORD, RECORDS_ALLOWED  # noqa: E402
from nightjar_demo.network import LINK_PORT  # noqa: E402

SECONDS = 10
SERVER_HELLO = "2"
TLS_1_3 = "0x0304"
HANDSHAKE_TYPES = {20, 22}      # before a link's first cell: change_cipher_spec, handshake


class Captured(NetworkTest):
    mixes = 2

    @classmethod
    def start(cls):
        cls.capture = Capture(cls.run_folder.folder / "links.pcap", cls.run_folder.network)
        if cls.capture.why_not:
            print(f"skipped: nothing was captured: {cls.capture.why_not}")
            return
        super().start()
        cls.curl.keep_busy("/endless", SECONDS / 2)
        cls.curl.keep_busy("/upload", SECONDS / 2, "--upload-file", str(cls.file))
        cls.capture.end()
        cls.rows = cls.capture.rows()

    @classmethod
    def tearDownClass(cls):
        cls.capture.kill()
        super().tearDownClass()

    def setUp(self):
        if self.capture.why_not:
            self.skipTest(self.capture.why_not)

    def test_nothing_was_missed(self):
        self.assertEqual([row for row in self.rows if row["tcp.analysis.lost_segment"]], [])

    def test_every_link_is_tls_1_3(self):
        links = {row["tcp.stream"] for row in self.rows}
        agreed = {row["tcp.stream"]: row["tls.handshake.extensions.supported_version"] for row in self.rows
                  if SERVER_HELLO in row["tls.handshake.type"].split(",")}
        # Gateways to 2 mixes each, 2 to 2 twice, 2 to 2 gateways, and the client's link twice: for
        # the document, and for good.
        print(f"measured: tshark sees {len(links)} links, all of TLS 1.3")
        self.assertGreaterEqual(len(links), 4 * 4 + 2)
        self.assertEqual(agreed, {link: TLS_1_3 for link in links})

    def test_from_the_first_cell_on_there_are_only_the_three_lengths(self):
        established, lengths, before = set(), Counter(), Counter()
        for row in self.rows:
            end = (row["tcp.stream"], row["tcp.srcport"] == str(LINK_PORT))
            for kind, length in records(row):
                if kind == APPLICATION_DATA and length == CELL_RECORD:
                    established.add(end)
                (lengths if end in established else before)[(kind, length)] += 1
        print(f"measured: records from the first cell on: {dict(lengths)}")
        self.assertGreater(lengths[(APPLICATION_DATA, CELL_RECORD)], 1000)
        self.assertEqual({kind for kind, _ in lengths}, {APPLICATION_DATA})
        self.assertLessEqual({length for _, length in lengths}, RECORDS_ALLOWED)
        self.assertLessEqual({kind for kind, _ in before}, HANDSHAKE_TYPES | {APPLICATION_DATA})


if __name__ == "__main__":
    unittest.main(verbosity=0)
