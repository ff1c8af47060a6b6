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
WINDOWS = 3


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

    def off_the_law(self, name):
        """What one window shows that the law forbids; prints what it measured."""
        counts, seconds = self.window()
        law = self.net.law
        print(f"measured: {name}: up {counts['up'] / seconds:.2f} a second (law {law.uplink:g}), "
              f"down {counts['down'] / seconds:.2f} (law {law.down:g})")
        off = {way: abs(counts[way] - rate * seconds) for way, rate in (("up", law.uplink), ("down", law.down))}
        allowed = {"up": 4 * math.sqrt(law.uplink * seconds), "down": 0.01 * law.down * seconds + 2}
        return [f"{way} by {off[way]:.1f} cells, {allowed[way]:.1f} allowed" for way in off if off[way] > allowed[way]]

    def check(self, name, *transfer):
        """A slot that the machine slept through is lost by the law itself, so on a shared host one window may
        show the host. What the product does wrong shows in every window: one of three must be right."""
        for attempt in range(WINDOWS):
            busy = threading.Thread(target=self.curl.keep_busy, args=transfer) if transfer else None
            if busy:
                busy.start()
                time.sleep(2)
            off = self.off_the_law(name)
            if busy:
                self.assertTrue(busy.is_alive(), f"{name}: the transfer was over before the window was")
                busy.join()
            if not off:
                return
            print(f"measured: {name}: window {attempt + 1} of at most {WINDOWS} is off: {'; '.join(off)}")
        self.fail(f"{name}: {WINDOWS} windows of {WINDOW_SECONDS} s off the law, the last one {'; '.join(off)}")

    def test_1_idle(self):
        self.check("idle")

    def test_2_downloading(self):
        self.check("downloading", "/endless", WINDOW_SECONDS + 4)

    def test_3_uploading(self):
        big = self.net.folder / "big"
        big.write_bytes(bytes(8 << 20))
        self.check("uploading", "/upload", WINDOW_SECONDS + 4, "--upload-file", str(big))

    def test_4_only_cells_after_the_handshake(self):
        """On the client's link and on those from the last layer to the gateways."""
        self.assertEqual(record_lengths(self.net), {})


if __name__ == "__main__":
    unittest.main(verbosity=0)
