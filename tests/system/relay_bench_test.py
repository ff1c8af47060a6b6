"""tests/bench/relay_bench runs, and its numbers agree with one another. They need not be good."""
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(os.environ["NIGHTJAR_BUILD"]) / "tests/bench/relay_bench"
SECONDS_MAX = 120


def measured(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        subprocess.run([PROGRAM, "--seconds", "1", "--json", file, *arguments], check=True, timeout=SECONDS_MAX,
                       stdin=subprocess.DEVNULL, capture_output=True)
        return json.loads(file.read_text())


class RelayBench(unittest.TestCase):
    def check(self, run, found):
        self.assertGreater(run["arrived"], 0)
        self.assertLessEqual(run["arrived"] + run["refused"], run["sent"])
        self.assertAlmostEqual(run["loss"], 1 - run["arrived"] / run["sent"])
        self.assertLessEqual(run["added_ms"]["p50"], run["added_ms"]["p99"])
        self.assertLessEqual(run["added_ms"]["p99"], run["added_ms"]["p99.9"])
        self.assertGreater(run["micros_per_packet"], found["unwrap_alone_micros"])
        self.assertAlmostEqual(run["micros_per_packet"], run["io_micros"] + run["worker_micros"])
        self.assertAlmostEqual(run["s_per_packet"], run["micros_per_packet"] / found["s_micros"])
        self.assertGreater(run["resident_mib"], run["anonymous_mib"])

    def test_a_mix(self):
        found = measured("--links", "4", "--rate", "600", "--shares", "0.5")
        self.assertEqual(found["peak"], 600)
        self.assertGreater(found["idle"]["core_percent"], 0)
        for name in ("quiet", "50 %"):
            self.check(found[name], found)
        self.assertEqual(found["50 %"]["rate"], 300)
        self.assertEqual(found["50 %"]["sent"], 300)

    def test_a_gateway_with_clients(self):
        found = measured("--clients", "4")
        self.check(found["clients"], found)
        self.assertEqual(found["clients"]["rate"], 4 * 105)


if __name__ == "__main__":
    unittest.main(verbosity=0)
