"""docs/network.md as it is written: its commands run in order, in an empty folder, and say what the page shows.

A command is what stands behind `$ `, or behind `anna$ ` in the folder of that operator. It runs in bash, with the programs of
this build in PATH. One that ends with `&` (or with `& done`) goes on. The lines behind a command are its output: all of it,
unless a line is `…`. Lines at the begin of a block are what a program says that runs. Keys, epochs and dates differ from
run to run. So a key of the page stands for the one that was made here, at all places, in commands too.

Not run: the rows of the tables (they name services of systemd, other machines, and files that an operator edits), and
`deploy/demo`, which has tests of its own. The page's addresses and its folders in /dev/shm must be free.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import PROGRAMS, ROOT  # noqa: E402

PAGE = ROOT / "docs/network.md"
SECOND_NETWORK = "## Four authorities"
OPERATORS = ("anna", "ben", "cleo", "dan")
PLACES = ("relay", "relay/authority", "client")
PROMPT = re.compile(rf"^((?:{'|'.join(OPERATORS)})?)\$ (.*)$")
KEY = re.compile(r"[0-9a-f]{64}")
# What differs from run to run: how the page has it, and what may stand there.
VARIES = (
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC", r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC"),
    (r"\b[0-9]{6,8}\b", r"[0-9]{6,8}"),                     # epochs
    (r"offers +[0-9]+ packets", r"offers +[0-9]+ packets"), # by the machine
    (r"[0-9]+ packets/s a worker, [0-9]+ at work \([a-z0-9]+\)", r"[0-9]+ packets/s a worker, [0-9]+ at work \([a-z0-9]+\)"),
    (r"\b[12] documents", r"[12] documents"),               # the next one is made in the second half of an epoch
    (r"mix, layer [13]$", r"mix, layer [13]"),              # four authorities draw it
    (r"\b[34] of 4 signatures", r"[34] of 4 signatures"),   # three are enough
)
VARYING = re.compile("|".join(f"({seen})" for seen, _ in VARIES))
TIME = re.compile(r"^[0-9-]{10}T[0-9:]{8}Z ")
PROGRAM_SECONDS = 30
RUNTIME = re.compile(r"--runtime-dir (/dev/shm/[a-z]+)")


class Command:
    def __init__(self, operator, text):
        self.operator, self.text, self.shown = operator, text, []

    @property
    def goes_on(self):
        return self.text.endswith("&") or self.text.endswith("& done")


def steps(page):
    """The commands and, as strings, the lines that no command of their block comes before."""
    found, in_block, last = [], False, None
    for line in page.splitlines():
        if line.startswith("```"):
            in_block, last = not in_block, None
            continue
        if not in_block:
            continue
        prompt = PROMPT.match(line)
        if last is not None and not last.shown and last.text.endswith("\\"):
            last.text += "\n" + line
        elif prompt:
            last = Command(prompt[1], prompt[2])
            found.append(last)
        elif last is not None:
            last.shown.append(line)
        else:
            found.append(line)
    return found


class Page(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nightjar-page-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.keys, self.groups, self.logs = {}, [], []
        places = [str(PROGRAMS / place) for place in PLACES]
        self.environment = {**os.environ, "PATH": ":".join([*places, os.environ["PATH"]])}
        self.addCleanup(self.end)

    def end(self):
        for group in self.groups:
            os.killpg(group.pid, signal.SIGTERM)
        for group in self.groups:
            group.wait(PROGRAM_SECONDS)

    def run_page(self, text, patience):
        """`patience`: seconds in which what runs must say what the page shows."""
        folders = set(RUNTIME.findall(text))
        for folder in folders:
            self.assertFalse(Path(folder).exists(), f"{folder} is in use; the page needs it")
            self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        commands = steps(text)
        self.assertTrue(commands)
        for step in commands:
            if isinstance(step, str):
                self.until([step], patience, self.said)
            elif step.goes_on:
                self.start(step)
            else:
                self.call(step, patience)

    # --- commands ---
    def where(self, command):
        folder = self.folder / command.operator
        folder.mkdir(exist_ok=True)
        return folder

    def with_own_keys(self, command):
        def own(match):
            self.assertIn(match[0], self.keys, f"{command.text}\nno output before shows this key")
            return self.keys[match[0]]
        return KEY.sub(own, command.text)

    def start(self, command):
        print(f"{command.operator}$ {command.text}", flush=True)
        log = self.folder / f"log-{len(self.logs)}"
        self.logs.append(log)
        with open(log, "wb") as out:
            self.groups.append(subprocess.Popen(
                ["bash", "-c", self.with_own_keys(command) + "\nwait"], cwd=self.where(command), env=self.environment,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True))
        self.until(command.shown, PROGRAM_SECONDS, lambda: log.read_text(errors="replace").splitlines())

    def call(self, command, patience):
        """What asks a program that runs gets time until that says what the page shows. All else runs once."""
        print(f"{command.operator}$ {command.text}", flush=True)
        deadline = time.monotonic() + (patience if " status " in command.text else 0)
        while True:
            done = subprocess.run(["bash", "-c", self.with_own_keys(command)], cwd=self.where(command), env=self.environment,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            lines = (done.stdout + done.stderr).splitlines()
            if done.returncode == 0 and (not command.shown or self.are_shown(command.shown, lines)):
                return
            if time.monotonic() > deadline:
                self.fail(f"{command.text}\nexit code {done.returncode}; the page shows\n" + "\n".join(command.shown) +
                          "\nand it says\n" + "\n".join(lines))
            time.sleep(0.5)

    # --- outputs ---
    def said(self):
        """Without the times, which a service manager shows in its own way."""
        return [TIME.sub("", line) for log in self.logs for line in log.read_text(errors="replace").splitlines()]

    def until(self, shown, seconds, said):
        """Until each of these lines is among those."""
        deadline = time.monotonic() + seconds
        while not all(any(self.is_shown(line, other) for other in said()) for line in shown):
            if time.monotonic() > deadline:
                self.fail(f"not within {seconds} s:\n" + "\n".join(shown) + "\nbut\n" + "\n".join(said()))
            for group in self.groups:
                self.assertIsNone(group.poll(), "a program has ended:\n" + "\n".join(said()))
            time.sleep(0.2)

    def are_shown(self, shown, lines):
        if "…" in shown:
            at = shown.index("…")
            return self.are_shown(shown[:at], lines[:at]) and self.are_shown(shown[at + 1:], lines[len(lines) - len(shown) + at + 1:])
        return len(shown) == len(lines) and all(map(self.is_shown, shown, lines))

    def is_shown(self, shown, line):
        """Whether it is this line of the page. If so, its keys stand for the page's from now on."""
        keys = KEY.findall(shown)
        pattern, end = "", 0
        for match in re.finditer(f"(?P<key>{KEY.pattern})|{VARYING.pattern}", shown):
            pattern += re.escape(shown[end:match.start()])
            end = match.end()
            if match["key"]:
                pattern += f"({self.keys.get(match['key'], KEY.pattern)})"
            else:
                pattern += next(may for seen, may in VARIES if re.fullmatch(seen, match[0]) or re.fullmatch(seen.rstrip("$"), match[0]))
        found = re.fullmatch(pattern + re.escape(shown[end:]), line)
        if found:
            self.keys.update(zip(keys, found.groups()))
        return found is not None

    # --- the two networks ---
    def test_one_authority(self):
        self.run_page(PAGE.read_text(encoding="utf-8").partition(SECOND_NETWORK)[0], 60)

    def test_four_authorities(self):
        """In a folder of its own, after the first network has ended. Epochs have two minutes: new mixes are placed in the second."""
        self.run_page(PAGE.read_text(encoding="utf-8").partition(SECOND_NETWORK)[2], 360)


if __name__ == "__main__":
    unittest.main()
