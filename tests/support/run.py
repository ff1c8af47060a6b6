"""The runner behind tests/run: one line per suite, the output of what failed, a closing count.

Every suite is a list of commands; a command's own closing line says how many tests ran. A suite
that cannot run is a failure, never a skip, and one that ran no test has failed as well.
"""
import argparse
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
JOBS = str(os.cpu_count() or 2)
SUITES = {}


def suite(name, in_all_only=False):
    """Registers a suite. The decorated function yields (label, command, extra environment)."""
    def register(function):
        SUITES[name] = (function, in_all_only)
        return function
    return register


class Build:
    """Configures and builds a preset once, when the first suite asks for it."""
    done = {}

    @classmethod
    def preset(cls, name, *targets):
        key = (name, targets)
        if key not in cls.done:
            cls.done[key] = run_logged(f"configure {name}", ["cmake", "--preset", name]) and run_logged(
                f"build {name}", ["cmake", "--build", f"build/{name}", "-j", JOBS]
                + (["--target", *targets] if targets else []))
        if not cls.done[key]:
            raise RuntimeError(f"the build '{name}' failed; its log is above")
        return ROOT / "build" / name


def progress(label, stop, started):
    while not stop.wait(15):
        print(f"    … {label}, {time.time() - started:.0f} s", flush=True)


def run_captured(label, command, environment=None, limit=1800):
    """(exit code, output); prints a sign of life every 15 s. A command over its limit is ended."""
    started, stop = time.time(), threading.Event()
    ticker = threading.Thread(target=progress, args=(label, stop, started), daemon=True)
    ticker.start()
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              env={**os.environ, **(environment or {})}, timeout=limit)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        out = late.stdout or b""
        return 124, (out if isinstance(out, str) else out.decode(errors="replace")) + "\n(ended: too slow)"
    except OSError as error:
        return 127, str(error)
    finally:
        stop.set()


def run_logged(label, command):
    started = time.time()
    code, output = run_captured(label, command)
    if code != 0:
        print(output[-8000:])
        print(f"  {label}: failed")
        return False
    print(f"  {label}: done in {time.time() - started:.0f} s", flush=True)
    return True


COUNTS = [
    # doctest, our own closing line, unittest, the tree check
    re.compile(r"test cases:\s*\d+ \|\s*(?P<passed>\d+) passed \|\s*(?P<failed>\d+) failed"),
    re.compile(r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed", re.M),
]


def counted(code, output):
    """(passed, failed) as the command itself counted; a crash counts as one failure."""
    passed = failed = 0
    for pattern in COUNTS:
        for match in pattern.finditer(output):
            passed += int(match["passed"])
            failed += int(match["failed"])
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    if ran:
        bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", output.splitlines()[-1]))
        passed, failed = passed + int(ran[1]) - bad, failed + bad
        if "skipped=" in output.splitlines()[-1]:
            failed += 1
    if (code != 0 and failed == 0) or passed + failed == 0:
        failed += 1
    return passed, failed


def run_suite(name):
    started, passed, failed = time.time(), 0, 0
    print(f"suite {name}", flush=True)
    try:
        for label, command, environment in SUITES[name][0]():
            code, output = run_captured(label, command, environment)
            good, bad = counted(code, output)
            passed, failed = passed + good, failed + bad
            if bad:
                print(output[-12000:])
                print(f"  {label}: exit {code}, {bad} failed: {' '.join(map(str, command))}", flush=True)
            else:
                notes = [line for line in output.splitlines() if line.startswith("measured:")]
                print("\n".join([f"  {label}: {good} passed"] + [f"    {n}" for n in notes]), flush=True)
    except RuntimeError as error:
        failed += 1
        print(f"  {error}")
    print(f"suite {name}: {passed} passed, {failed} failed ({time.time() - started:.0f} s)", flush=True)
    return passed, failed


def main():
    import suites  # noqa: F401  registers what there is
    parser = argparse.ArgumentParser(prog="tests/run", description="Runs the tests of this tree.")
    parser.add_argument("--all", action="store_true", help="the long suites too")
    parser.add_argument("--list", action="store_true", help="name the suites and stop")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    wanted = parser.parse_args()
    if wanted.list:
        for name, (function, in_all_only) in SUITES.items():
            print(f"{name:12} {'--all' if in_all_only else '     '}  {(function.__doc__ or '').strip()}")
        return 0
    unknown = [name for name in wanted.suites if name not in SUITES]
    if unknown:
        print(f"tests/run: no suite '{unknown[0]}'; there are: {' '.join(SUITES)}", file=sys.stderr)
        return 2
    names = wanted.suites or [n for n, (_, only) in SUITES.items() if wanted.all or not only]
    started = time.time()
    results = {name: run_suite(name) for name in names}
    print(f"\n{'suite':12} passed failed")
    for name, (passed, failed) in results.items():
        print(f"{name:12} {passed:6} {failed:6}")
    passed, failed = (sum(r[i] for r in results.values()) for i in (0, 1))
    print(f"wall time {time.time() - started:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]
    sys.exit(main())
