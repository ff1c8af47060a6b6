"""Builds what later suites need while earlier ones wait for their clocks.

Half of a run's time passes in suites that need little of a processor. Builds take long, so all but the
first are made meanwhile, at the lowest priority there is: a test that wants a core has it at once. A
suite that waits for a build lends it its own priority, where this user may. The builds run one after
another in a thread, in the order in which the suites need them.
"""
import atexit
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

# Takes a core only while no other process wants one. Processes that it starts do the same.
IDLE = ("chrt", "--idle", "0")


def rank_session(leader, nice):
    """Where the kernel shares a core by session, a process's own priority does not reach another session."""
    try:
        Path(f"/proc/{leader}/autogroup").write_text(str(nice), encoding="ascii")
    except OSError:
        pass                                                # this kernel does not, or it has ended


def hurry_session(leader):
    """Gives a session that took what was left over the priority of all others. Only root may."""
    rank_session(leader, 0)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text(encoding="utf-8", errors="replace").partition(" ")
            if int(rest.rpartition(")")[2].split()[3]) == leader:
                os.sched_setscheduler(int(pid), os.SCHED_OTHER, os.sched_param(0))
        except OSError:
            pass                                            # it has ended, or this user may not


class Ahead:
    """`wanted` are the builds it makes, each a preset and its targets. Used from the main thread."""

    def __init__(self, root, commands):
        """`commands` says which commands make a build."""
        self._root, self._commands = root, commands
        self.wanted = {}                                    # build: (well or not, output, seconds) once it is made
        self._made = threading.Condition()
        self._thread = None
        self._process = None
        self._told = set()
        self._awaited = False

    def want(self, builds):
        """Says what to build, before the first suite."""
        self.wanted = dict.fromkeys(builds)

    def begin(self):
        """Starts, once. Call it when what the first suite needs is built."""
        if self.wanted and self._thread is None:
            atexit.register(self._end)
            signal.signal(signal.SIGTERM, self._terminated)
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def result(self, build):
        """Waits for a build, with a sign of life, prints its line once, and says whether it went well."""
        self.begin()
        started = time.time()
        with self._made:
            self._awaited = True
            while self.wanted[build] is None:
                if self._process is not None:
                    hurry_session(self._process.pid)
                if not self._made.wait_for(lambda: self.wanted[build] is not None, timeout=15):
                    print(f"    … build {build[0]}, for {time.time() - started:.0f} s after it was needed", flush=True)
            self._awaited = False
        well, output, seconds = self.wanted[build]
        if build not in self._told:
            self._told.add(build)
            print(f"  build {build[0]}: done in {seconds:.0f} s beside the suites before" if well
                  else f"{output[-8000:]}\n  build {build[0]}: failed", flush=True)
        return well

    def _run(self):
        for build in self.wanted:
            started, well, output = time.time(), True, ""
            for command in self._commands(*build):
                with self._made:
                    self._process = subprocess.Popen(
                        [*(() if self._awaited else IDLE), *command], cwd=self._root, stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                        start_new_session=True)
                    rank_session(self._process.pid, 0 if self._awaited else 19)
                output += self._process.communicate()[0]
                well = well and self._process.returncode == 0
                if not well:
                    break
            with self._made:
                self.wanted[build] = well, output, time.time() - started
                self._made.notify_all()

    def _terminated(self, number, _frame):
        self._end()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _end(self):
        """Ends what is still built: a run that ends early leaves no compiler behind."""
        process = self._process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
