"""What relays show under /metrics reads without a complaint from promtool."""
import subprocess
import sys
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

METRICS_LEAST = 20  # of a relay of a lab, which shows all there are


def promtool(text):
    """(exit code, what it says)."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


class Metrics(NetworkTest):
    def text_of(self, relay):
        with urllib.request.urlopen(f"http://{relay.metrics}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def test_promtool_has_nothing_to_say(self):
        """Of every relay of a lab, with its exact counters, after traffic."""
        self.curl.keep_busy("/endless", 2)
        for relay in self.net.relays:
            text = self.text_of(relay)
            self.assertGreater(text.count("# TYPE "), METRICS_LEAST)
            self.assertEqual(promtool(text), (0, ""), relay.name)

    def test_promtool_does_complain(self):
        """The control: a metric without its help, and a line that is none."""
        text = self.text_of(self.net.relays[0])
        no_help = "\n".join(line for line in text.splitlines() if not line.startswith("# HELP ")) + "\n"
        for bad in (no_help, text + "nightjar packets in 3\n"):
            code, said = promtool(bad)
            self.assertNotEqual((code, said), (0, ""))
            self.assertNotEqual(code, 0, said)


if __name__ == "__main__":
    unittest.main(verbosity=0)
