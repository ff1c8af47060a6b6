"""The real programs under the laws of mixing that are not the default: a download, and the relays' loops."""
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import FILE_BYTES, NetworkTest  # noqa: E402
from nightjar_demo.metrics import scrape  # noqa: E402

SECONDS_MAX = 120
LOOP_SECONDS = 5    # longer than any of these networks' longest route delay


class Laws:
    def test_a_download_arrives_and_loops_return(self):
        done = self.curl.download(self.digest, SECONDS_MAX)
        self.assertEqual(done.size, FILE_BYTES)
        time.sleep(LOOP_SECONDS)
        for relay in self.net.relays:
            seen = scrape(relay)
            self.assertGreater(seen["loops_returned"], 0, relay.name)
            self.assertGreater(seen["held_packets"], 0, relay.name)
            # The senders ask for no delay.
            self.assertEqual(seen["asked_seconds"], 0, relay.name)
            held = seen["held_seconds"] / seen["held_packets"]
            self.assertGreater(held, self.held_least, relay.name)
            self.assertLess(held, self.held_most, relay.name)


class TimedPool(Laws, NetworkTest):
    # The relay before releases in a rhythm of T = 25 ms too. So a packet waits for its first release between 0 and T,
    # for as long as the two rhythms are apart, and then for 37.5 ms on average: together 37.5 to 62.5 ms. A pool that
    # keeps a packet back holds longer in a quiet relay, and how much longer depends on the load, so this one keeps none.
    parameters = ("mixing: timed-pool", "mixing_keep: 0")
    held_least, held_most = 0.036, 0.066


class Threshold(Laws, NetworkTest):
    parameters = ("mixing: threshold", "mixing_packets: 10")
    held_least, held_most = 0.005, 0.05     # the longest wait is 50 ms


if __name__ == "__main__":
    unittest.main(verbosity=0)
