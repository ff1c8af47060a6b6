"""The page of `deploy/demo --monitor` in Chromium: all graphs have lines, and the alert of the relay that was taken down fires.

Needs Debian's prometheus, prometheus-alertmanager and chromium. In no suite: `deploy/demo --monitor` itself is tried from the
packages. NIGHTJAR_PICTURE=FILE keeps the picture, to look at.
"""
import html.parser
import os
import re
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import chromium  # noqa: E402
from testnet import PROGRAMS  # noqa: E402
from nightjar_demo import folders, law, monitor, processes  # noqa: E402
from nightjar_demo.__main__ import start  # noqa: E402

PANELS = 8
ENOUGH_BYTES = 50_000       # of a picture with graphs; an empty page has some 10,000
DRAWN = re.compile(r"M[\d.]+ [\d.]+(H[\d.]+V[\d.]+)+")


class Read(html.parser.HTMLParser):
    """What the page shows: the state and text of its alerts, and the graphs of each section with their keys."""

    def __init__(self, text):
        super().__init__()
        self.state, self.alerts, self.sections, self.inside = None, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        self.inside.append(tag)
        if facts.get("id") == "alerts":
            self.state = facts.get("class")
        elif tag == "li":
            self.alerts.append("")
        elif tag == "section":
            self.sections.append({"title": "", "lines": 0, "keys": 0})
        elif tag == "path" and DRAWN.fullmatch(facts["d"]):
            self.sections[-1]["lines"] += 1
        elif facts.get("class") == "key":
            self.sections[-1]["keys"] += 1

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if "li" in self.inside:
            self.alerts[-1] += data
        elif "h2" in self.inside:
            self.sections[-1]["title"] += data


class MonitorPage(unittest.TestCase):
    def setUp(self):
        for program in (*monitor.PROGRAMS, "chromium"):
            self.assertIsNotNone(shutil.which(program), f"{program} is not installed")
        run = folders.Run()
        self.addCleanup(run.remove)
        running = processes.Processes(run.folder, False)
        self.addCleanup(running.stop_all)
        self.net = monitor.MonitoredNetwork(PROGRAMS, run, running, law.Law(50, 2), False)

    def test_the_graphs_and_the_alert(self):
        monitor.run_monitor(self.net, start)
        page = monitor.Monitor(self.net).page
        waits = "--virtual-time-budget=4000"    # it asks Prometheus when it is open
        seen = Read(chromium.run(waits, "--dump-dom", page))
        self.assertEqual(seen.state, "firing")
        said = [alert for alert in seen.alerts if alert.startswith(f"{monitor.ALERT} (firing): {monitor.TAKEN_DOWN}. ")]
        self.assertEqual(len(said), 1, seen.alerts)
        self.assertEqual(len(seen.sections), PANELS)
        for section in seen.sections:
            self.assertGreater(section["lines"], 0, section)
            self.assertEqual(section["lines"], section["keys"], section)
        picture = Path(os.environ.get("NIGHTJAR_PICTURE", self.net.folder / "page.png"))
        chromium.run(waits, f"--screenshot={picture}", page)
        self.assertGreater(picture.stat().st_size, ENOUGH_BYTES)


if __name__ == "__main__":
    unittest.main(verbosity=0)
