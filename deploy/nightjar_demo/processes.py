"""Starts programs, waits until they are ready, and stops exactly these processes."""
import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

from .progress import DemoError

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 6  # a relay or a client ends within 5 s of SIGTERM
LIBC = ctypes.CDLL(None)


def start_time(pid):
    """A process's start time in ticks since boot. With the pid it identifies the process uniquely.

    None if there is no such process or it is a zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def last_lines(log, count=5):
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    return "\n    ".join(text.splitlines()[-count:]) or "(no output)"


class Processes:
    """The demo's processes by name. With `keep` they outlive the demo."""

    def __init__(self, folder, keep):
        self.folder = folder
        self.keep = keep
        self.running = {}

    def log(self, name):
        return self.folder / f"{name}.log"

    def start(self, name, command, ready, seconds=60):
        """Starts a process, waits until it prints a line with `ready`, and returns that line."""
        log = self.log(name)
        with open(log, "ab") as out:
            begin = out.tell()
            self.running[name] = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=None if self.keep else die_with_parent)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with open(log, "rb") as written:
                written.seek(begin)
                for line in written.read().decode(errors="replace").splitlines():
                    if ready in line:
                        return line
            code = self.running[name].poll()
            if code is not None:
                del self.running[name]
                raise DemoError(f"{name} ended with exit code {code}:\n    {last_lines(log)}")
            time.sleep(0.05)
        raise DemoError(f"{name} was not ready after {seconds} s:\n    {last_lines(log)}")

    def check(self):
        for name, process in self.running.items():
            if process.poll() is not None:
                raise DemoError(f"{name} ended unexpectedly with exit code {process.returncode}:"
                                f"\n    {last_lines(self.log(name))}")

    def stop(self, name):
        """Sends SIGTERM and returns the exit code. DemoError if the process does not end in time."""
        process = self.running.pop(name)
        process.terminate()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise DemoError(f"{name} did not end within {STOP_SECONDS} s of SIGTERM") from None

    def stop_all(self):
        """Stops all processes at once. Returns a sentence for each one that did not end properly."""
        for process in self.running.values():
            process.terminate()
        bad = []
        deadline = time.monotonic() + STOP_SECONDS
        for name, process in self.running.items():
            try:
                code = process.wait(max(0.1, deadline - time.monotonic()))
                if code != 0:
                    bad.append(f"{name} ended with exit code {code}")
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                bad.append(f"{name} did not end within {STOP_SECONDS} s of SIGTERM")
        self.running.clear()
        return bad

    def identities(self):
        return [[name, p.pid, start_time(p.pid)] for name, p in self.running.items()]


def stop_identities(identities):
    """Stops the processes that an earlier demo left running. A reused pid is left alone.

    Returns their names.
    """
    alive = [(name, pid, began) for name, pid, began in identities
             if began is not None and start_time(pid) == began]
    for _, pid, _ in alive:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while any(start_time(pid) == began for _, pid, began in alive):
        if time.monotonic() > deadline:
            for _, pid, began in alive:
                if start_time(pid) == began:
                    os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    return [name for name, _, _ in alive]
