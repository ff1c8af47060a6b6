"""What a watcher of the wire sees, by a recorder on the links: record lengths and the law's rates."""
import math
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.checks import CELL_RECORD, record_lengths  # noqa: E402
from nightjar_demo.metrics import Records  # noqa: E402

WINDOW_SECONDS = 20


class Wire(NetworkTest):
    record = True

    def window(self):
        """Cells each way on the client's link in one window, as counted on the wire."""
        begin = time.time()
        time.sleep(WINDOW_SECONDS)
        end = time.time()
        status, _ = self.net.ask_client()
        rows = Records(self.net.records(self.net.relay(status["gateway"]))).rows()
        link = Records.of_client(rows)
        counts = {"up": 0, "down": 0}
        for row in rows:
            if row["connection"] == link and row["length"] == CELL_RECORD and begin <= row["t"] < end:
                counts[row["direction"]] += 1
        return counts, end - begin

    def check(self, name):
        counts, seconds = self.window()
        law = self.net.law
        print(f"measured: {name}: up {counts['up'] / seconds:.2f} a second (law {law.uplink:g}), "
              f"down {counts['down'] / seconds:.2f} (law {law.down:g})")
        self.assertLessEqual(abs(counts["up"] - law.uplink * seconds), 4 * math.sqrt(law.uplink * seconds))
        self.assertLessEqual(abs(counts["down"] - law.down * seconds), 0.01 * law.down * seconds + 2)

    def busy(self, name, *curl):
        transfer = threading.Thread(target=self.curl.keep_busy, args=curl)
        transfer.start()
        time.sleep(2)
        try:
            self.check(name)
        finally:
            transfer.join()

    def test_1_idle(self):
        self.check("idle")

    def test_2_downloading(self):
        self.busy("downloading", "/endless", WINDOW_SECONDS + 4)

    def test_3_uploading(self):
        big = self.net.folder / "big"
        big.write_bytes(bytes(8 << 20))
        self.busy("uploading", "/upload", WINDOW_SECONDS + 4, "--upload-file", str(big))

    def test_4_only_cells_after_the_handshake(self):
        """On the client's link and on those from the last layer to the gateways."""
        self.assertEqual(record_lengths(self.net), {})


if __name__ == "__main__":
    unittest.main(verbosity=0)
