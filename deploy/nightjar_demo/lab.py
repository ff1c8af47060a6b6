"""--lab: observes the links of the running network in idle and busy windows. Tests whether the
laboratory's classifier distinguishes them better than in a simulated network."""
import bisect
import json
import math
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

from .building import ROOT, build
from .capture import Capture, records
from .checks import APPLICATION_DATA, CELL_RECORD
from .law import EXIT_ROOM, GATEWAYS, RELAY_LOOPS
from .metrics import Records
from .network import LINK_PORT
from .progress import DemoError, say, stage
from .transfers import Curl

# Half of them busy. With fewer windows the AUC's random error is so large that a client that leaves out
# 5 % of its cells when busy (its AUC is 1) cannot be distinguished from a simulated one.
WINDOWS = 48
WINDOWS_MOST = 120
WINDOW_SECONDS = 8
SLICE_SECONDS = 1
UPLOAD_SIZE = 64 << 20  # more than fits through one window
CURL_TIME_OVER = 28     # curl's exit code when its time limit is reached


def build_laboratory():
    """Builds the laboratory's program. It belongs to the tests, which need more packages."""
    done = subprocess.run([ROOT / "deploy" / "install-packages", "build", "test"],
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise DemoError("--lab needs the packages of the tests: deploy/install-packages build test")
    return build("the laboratory", "test", ["nightjar-lab"]) / "tests" / "lab" / "nightjar-lab"


class Watch:
    """The observer of the links: tshark if it may capture, else the recorders.

    It starts before the first link comes up.
    """

    def __init__(self, network):
        self.network, self.capture = network, None

    def __enter__(self):
        # Hundreds of megabytes of encrypted data. They must not fill the tmpfs that holds the keys.
        self.scratch = tempfile.TemporaryDirectory(prefix="nightjar-demo-")
        self.capture = Capture(Path(self.scratch.name) / "links.pcap", self.network.address)
        if self.every_link:
            for relay in self.network.gateways:
                relay.recorded = False
            say("observed by tshark: every link")
        else:
            say("observed by the recorder: the client's link, and the links from the last layer to "
                f"the gateways (no tshark: {self.capture.why_not})")
        return self

    def __exit__(self, *_):
        self.capture.kill()
        self.scratch.cleanup()

    @property
    def every_link(self):
        return self.capture.why_not is None

    def cells(self):
        """Stops tshark. Returns (Unix time, link, direction) of every cell so far, by time."""
        if not self.every_link:
            found = [(row["t"], (relay.name, row["connection"]), row["direction"])
                     for relay in self.network.gateways
                     for row in Records(self.network.records(relay)).rows()
                     if row["type"] == APPLICATION_DATA and row["length"] == CELL_RECORD]
            return sorted(found)
        try:
            self.capture.end()
            rows = self.capture.rows()
        except subprocess.SubprocessError as error:
            raise DemoError(f"tshark: {error}") from error
        found = []
        for row in rows:
            if row["tcp.analysis.lost_segment"]:
                raise DemoError("tshark lost packets: the machine is too busy to capture")
            way = "down" if row["tcp.srcport"] == str(LINK_PORT) else "up"
            cell = (float(row["frame.time_epoch"]), int(row["tcp.stream"]), way)
            found += [cell] * records(row).count((APPLICATION_DATA, CELL_RECORD))
        return sorted(found)


def draw_order(windows):
    """Draws which windows are busy: half of the even ones and half of the odd ones.

    The classifier is trained on the windows of one parity and tested on the others.
    """
    busy = [False] * windows
    for parity in (0, 1):
        half = [i % 2 == 1 for i in range(windows // 2)]
        random.shuffle(half)
        busy[parity::2] = half
    return busy


def transfer(curl, upload):
    """Transfers for a whole window. DemoError if the transfer ends before the window does.

    Returns the number of bytes.
    """
    if upload:
        file = curl.network.folder / "long-file"
        with open(file, "wb") as out:
            out.truncate(UPLOAD_SIZE)
        # No faster than the network: bytes left in buffers would make the next window busy.
        asked = ("/upload", WINDOW_SECONDS, "/dev/null", "--upload-file", str(file),
                 "--limit-rate", str(int(curl.network.law.goodput_up)))
    else:
        asked = ("/endless", WINDOW_SECONDS, "/dev/null")
    code, figures, error = curl.run(*asked)
    if code != CURL_TIME_OVER:
        raise DemoError(f"curl {asked[0]} ended before its window did, with exit code {code}: "
                        f"{error or figures}")
    return int(figures.split()[4 if upload else 3])


def slots_lost(network):
    return network.ask_client()[0]["slots_lost"]


def run_windows(network, count):
    """Runs the windows. Returns (begin in Unix time, busy) of each."""
    curl, windows, uploads, lost = Curl(network), [], 0, {False: 0, True: 0}
    title = (f"{count} windows of {WINDOW_SECONDS} s ({count * WINDOW_SECONDS / 60:.1f} minutes), half of "
             "them busy, in random order")
    with stage(title) as note:
        for number, busy in enumerate(draw_order(count)):
            begin, what, before = time.time(), "idle", slots_lost(network)
            if busy:
                upload = uploads % 2 == 1
                uploads += 1
                moved = transfer(curl, upload)
                what = f"{'upload' if upload else 'download'}, {moved / 1000:.0f} kB"
            time.sleep(max(0, begin + WINDOW_SECONDS - time.time()))
            windows.append((begin, busy))
            lost[busy] += slots_lost(network) - before
            network.processes.check()
            note(f"window {number + 1} of {count}: {what}")
        note(f"slots that the client lost because the machine was too slow: {lost[False]} idle, {lost[True]} busy")
    return windows


def cut(cells, windows, round_trip):
    """Cuts the windows into slices, as tests/lab/experiments/capture.hpp describes them.

    Leaves out the first seconds of a window, in which the one before it may still show.
    """
    left_out = max(1, math.ceil(round_trip))
    begins, slices = [], []
    for number, (begin, busy) in enumerate(windows):
        for second in range(left_out, WINDOW_SECONDS, SLICE_SECONDS):
            begins.append(begin + second)
            slices.append({"window": number, "busy": busy, "up": [], "down": [], "links": []})
    inside = []
    for at, link, way in cells:
        number = bisect.bisect_right(begins, at) - 1
        if number >= 0 and at < begins[number] + SLICE_SECONDS:
            # Truncated to microseconds, not rounded: a slice does not include its end.
            inside.append((number, int((at - begins[number]) * 1e6) / 1e6, link, way))
    down = Counter(link for _, _, link, way in inside if way == "down")
    if not down:
        raise DemoError("no cell was seen on any link")
    own = max(down, key=down.get)   # links between relays carry only keep-alives down
    others = sorted({(link, way) for _, _, link, way in inside if link != own})
    place = {other: i for i, other in enumerate(others)}
    for one in slices:
        one["links"] = [0] * len(others)
    for number, offset, link, way in inside:
        if link == own:
            slices[number][way].append(offset)
        else:
            slices[number]["links"][place[link, way]] += 1
    return slices


def write_slices(file, network, every_link, slices):
    law = network.law
    head = {"observer": "tshark" if every_link else "recorder", "mixes": law.mixes,
            "gateways": GATEWAYS, "mean_delay_ms": round(1000 * law.mean_delay),
            "main_slots": law.main_slots, "client_loops": law.loops,
            "replies": law.replies, "down": law.down, "relay_loops": RELAY_LOOPS,
            "exit_room_per_1000": round(1000 * EXIT_ROOM)}
    with open(file, "w", encoding="utf-8") as out:
        for line in [head, *slices]:
            out.write(json.dumps(line) + "\n")
    return head


def judge(program, file):
    """Runs the laboratory over the slices. Returns (its rows, True if all verdicts hold)."""
    rows, failed = file.with_suffix(".rows"), False
    with stage("the same classifier over what was observed and over a simulated network") as note:
        command = [program, "capture", "--capture", file, "--json", rows]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as running:
            said = []
            for line in running.stdout:
                said.append(line.strip())
                note(said[-1])
        if running.returncode not in (0, 1):
            raise DemoError(f"nightjar-lab ended with exit code {running.returncode}: "
                            f"{said[-1] if said else '(no output)'}")
        failed = running.returncode == 1
    with open(rows, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines], not failed


def run_lab(network, start, program, count, json_file):
    """Runs --lab with `count` windows and writes the figures for --json.

    Raises DemoError if a verdict fails.
    """
    with Watch(network) as watch:
        start(network)
        windows = run_windows(network, count)
        with stage("cells on the links, second by second"):
            slices = cut(watch.cells(), windows, network.law.round_trip)
            file = network.folder / "slices.jsonl"
            head = write_slices(file, network, watch.every_link, slices)
        links = len(slices[0]["links"])
        say(f"          {len(slices)} slices; the client's link and {links} other links and "
            f"directions")
    rows, agreed = judge(program, file)
    if json_file:
        shutil.copyfile(file, f"{json_file}.slices")
        figures = {**head, "windows": [{"begin": begin, "busy": busy} for begin, busy in windows],
                   "slices": len(slices), "links": links, "rows": rows}
        with open(json_file, "w", encoding="utf-8") as out:
            json.dump({"lab": figures}, out, indent=1)
            out.write("\n")
    if not agreed:
        raise DemoError("what was observed does not agree with the simulation")
