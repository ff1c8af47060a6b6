"""The demo's network with four authorities, for some epochs: one is killed and comes back, one lies, a relay joins,
one leaves, and a download goes on through all of it."""
import hashlib
import html
import json
import os
import re
import subprocess
import time

from .building import ROOT
from .progress import DemoError, say, stage
from .transfers import Curl

RATE = 20_000           # bytes a second of the download
LIAR_READY = "nightjar-liar ready"


def plain_lines(page):
    """The text of a page: one line for each row of a table, heading and paragraph."""
    body = re.sub(r"<(style|title)>.*?</\1>", "", page, flags=re.DOTALL)
    rows = re.split(r"</(?:tr|h\d|p|li|caption)>", body)
    plain = (" ".join(html.unescape(re.sub(r"<[^>]*>", " ", row)).split()) for row in rows)
    return [line for line in plain if line]


class Council:
    """One run. `network` is a CouncilNetwork."""

    def __init__(self, network, epochs):
        self.network, self.epochs = network, epochs

    def status(self, relay):
        """A relay answers nothing for some milliseconds between joining and running."""
        done = subprocess.run([self.network.program("nightjar-relay"), "status", "--config", relay.config, "--json"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else {"state": "not answering"}

    def until(self, what, epochs, condition):
        seconds = epochs * self.network.epoch_seconds
        deadline = time.monotonic() + seconds
        with stage(what) as note:
            while not condition():
                if time.monotonic() > deadline:
                    raise DemoError(f"not within {seconds:.0f} s: {what}")
                self.network.processes.check()
                time.sleep(0.5)
            note(f"epoch {self.network.epoch()}")

    def all_have(self, numbers, epoch):
        return all(epoch in self.network.documents(number) for number in numbers)

    def start(self):
        network = self.network
        with stage(f"keys for {len(network.authorities)} authorities and {len(network.relays)} relays") as note:
            network.make_keys()
            note(f"epochs of {network.epoch_seconds} s, all in {network.folder} (tmpfs)")
        file = network.folder / "file"
        file.write_bytes(os.urandom(RATE * network.epoch_seconds * self.epochs))
        network.sign_document()
        network.start_services(file)
        for relay in network.relays:
            network.start_relay(relay)
        self.until("four authorities record and place the mixes, and every relay gets its layer", 3,
                   lambda: all(self.status(relay)["state"] == "active" for relay in network.relays))
        for relay in network.mixes:
            say(f"          {relay.name} is in layer {self.status(relay)['layer']}")
        network.start_client()
        return file

    def run(self):
        network = self.network
        file = self.start()
        first = network.epoch()
        out = network.folder / "downloaded"
        download = subprocess.Popen(
            Curl(network).command("/file", (self.epochs + 4) * network.epoch_seconds, out, "--limit-rate", str(RATE)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            self.trouble()
            self.until(f"{self.epochs} epochs are over", self.epochs + 1,
                       lambda: network.epoch() >= first + self.epochs)
            with stage("the download ends"):
                figures, error = download.communicate(timeout=4 * network.epoch_seconds)
        finally:
            download.kill()
            download.wait()
        if download.returncode != 0:
            raise DemoError(f"the download failed: {error.strip()}")
        digests = [hashlib.sha256(path.read_bytes()).digest() for path in (file, out)]
        if digests[0] != digests[1]:
            raise DemoError("the downloaded file's SHA-256 is wrong")
        missing = set(range(first, network.epoch() + 1)) - network.documents(0)
        if missing:
            raise DemoError(f"no document of the epochs {sorted(missing)}")
        say(f"          {len(file.read_bytes())} bytes arrived whole; curl: {figures}")
        say(f"          documents of the epochs {first} to {max(network.documents(0))}, none missing")
        self.show_page()

    def show_page(self):
        """Keeps the status page of the last document, and prints what it says."""
        page = (self.network.authorities[0] / "status.html").read_text(encoding="utf-8")
        kept = ROOT / "build" / "demo-status.html"
        kept.write_text(page, encoding="utf-8")
        for line in plain_lines(page):
            say(f"          {line}")
        say(f"          the page: {kept}")

    def trouble(self):
        network = self.network
        late = network.new_mix("mix-late", 2)
        network.admit(late)
        network.start_relay(late)
        network.kill_one(1)
        ahead = network.epoch() + 2
        self.until(f"authority 2 is killed: the others sign epoch {ahead}", 3, lambda: self.all_have((0, 2, 3), ahead))
        network.start_one(1)
        self.until("authority 2 is back, and catches up", 1, lambda: self.all_have((1,), ahead))

        gone = network.mixes[0]
        network.expel(gone)
        network.kill_one(2)
        network.processes.start("liar", [network.program("nightjar-liar"), network.authorities[2]], LIAR_READY)
        ahead = network.epoch() + 2
        self.until(f"authority 3 lies: the others sign epoch {ahead}", 3, lambda: self.all_have((0, 1, 3), ahead))
        network.processes.stop("liar")
        network.start_one(2)
        self.until(f"{late.name}, which has joined, is active", 3, lambda: self.status(late)["state"] == "active")
        self.until(f"{gone.name}, which was expelled, is out", 3, lambda: self.status(gone)["state"] == "not_listed")
