"""What an independent observer says of every link of the demo's network: tshark, where it may capture.

wire_test.py measures the same with a recorder of ours, always and without privilege; this one needs tshark
(deploy/install-packages capture) and the right to capture on lo. Where that is missing it says so.
"""
import functools
import shutil
import signal
import subprocess
import sys
import time
import unittest
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.checks import APPLICATION_DATA, CELL_RECORD, RECORDS_ALLOWED  # noqa: E402
from nightjar_demo.network import LINK_PORT  # noqa: E402

SECONDS = 10
SERVER_HELLO = "2"
TLS_1_3 = "0x0304"
HANDSHAKE_TYPES = {20, 22}      # before a link's first cell: change_cipher_spec, handshake
FIELDS = ("tcp.stream", "tcp.srcport", "tls.record.content_type", "tls.record.opaque_type", "tls.record.length",
          "tls.handshake.type", "tls.handshake.extensions.supported_version", "tcp.analysis.lost_segment")


class Capture:
    """tshark on lo, from construction to end(); `why_not` if it may not."""

    def __init__(self, file, network):
        self.file, self.why_not, self.process = file, None, None
        if not shutil.which("tshark"):
            self.why_not = "tshark is not installed (deploy/install-packages capture)"
            return
        self.process = subprocess.Popen(
            ["tshark", "-i", "lo", "-B", "64", "-w", file, "-f", f"net {network}.0/24 and tcp port {LINK_PORT}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 15
        while not (file.exists() and file.stat().st_size > 0):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                said = self.process.communicate()[1].splitlines()
                self.why_not = next((line for line in said if line.startswith("tshark: ")), "tshark does not start")
                return
            time.sleep(0.1)
        time.sleep(1)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)

    def rows(self):
        """A dictionary of FIELDS for each frame that carries a TLS record."""
        command = ["tshark", "-r", self.file, "-d", f"tcp.port=={LINK_PORT},tls", "-Y", "tls", "-T", "fields"]
        for field in FIELDS:
            command += ["-e", field]
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
        return [dict(zip(FIELDS, line.split("\t"))) for line in said.splitlines()]


def records(row):
    """(type, length) of the records that end in this frame."""
    # What TLS 1.3 encrypts is application data outside, which tshark calls opaque.
    types = [int(t) for name in ("tls.record.content_type", "tls.record.opaque_type") if row[name]
             for t in row[name].split(",")]
    lengths = [int(length) for length in row["tls.record.length"].split(",") if length]
    return list(zip(types, lengths))


def where_permitted(test):
    @functools.wraps(test)
    def wrapper(self):
        if not self.capture.why_not:
            test(self)
    return wrapper


class Captured(NetworkTest):
    mixes = 2

    @classmethod
    def start(cls):
        cls.capture = Capture(cls.run_folder.folder / "links.pcap", cls.run_folder.network)
        if cls.capture.why_not:
            print(f"measured: nothing captured, the recorder of wire_test.py stands alone: {cls.capture.why_not}")
            return
        super().start()
        cls.curl.keep_busy("/endless", SECONDS / 2)
        cls.curl.keep_busy("/upload", SECONDS / 2, "--upload-file", str(cls.file))
        cls.capture.end()
        cls.rows = cls.capture.rows()

    @classmethod
    def tearDownClass(cls):
        process = cls.capture.process
        if process and process.poll() is None:
            process.kill()
            process.communicate()
        super().tearDownClass()

    @where_permitted
    def test_nothing_was_missed(self):
        self.assertEqual([row for row in self.rows if row["tcp.analysis.lost_segment"]], [])

    @where_permitted
    def test_every_link_is_tls_1_3(self):
        links = {row["tcp.stream"] for row in self.rows}
        agreed = {row["tcp.stream"]: row["tls.handshake.extensions.supported_version"] for row in self.rows
                  if SERVER_HELLO in row["tls.handshake.type"].split(",")}
        # Gateways to 2 mixes each, 2 to 2 twice, 2 to 2 gateways, and the client's link twice: for
        # the document, and for good.
        print(f"measured: tshark sees {len(links)} links, all of TLS 1.3")
        self.assertGreaterEqual(len(links), 4 * 4 + 2)
        self.assertEqual(agreed, {link: TLS_1_3 for link in links})

    @where_permitted
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
