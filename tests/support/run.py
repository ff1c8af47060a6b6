"""The runner behind tests/run: one line per suite, the output of what failed, a closing count.
What failed stands once more behind the table, since a log may keep only its end.

Every suite is a list of commands; a command's own closing line says how many tests ran. A suite
that cannot run is a failure, never a skip, and one that ran no test has failed as well. A test may
be skipped only in a program whose suite says so. Its reason is printed and it is counted apart.
"""
import argparse
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import subjects
from ahead import Ahead
from failures import essence

ROOT = Path(__file__).resolve().parent.parent.parent
SLOW = 5                                                    # seconds of a program that are worth a word
JOBS = str(os.cpu_count() or 2)
SUITES = {}
FAILED = []                                                 # (suite and program, what it said about its failure)
BUILDS = {}                                                 # what a suite builds besides the preset `test`
CASES = {}                                                  # suites that take subjects: their doctest cases


def suite(name, in_all_only=False, cases=None, by_name_only=False, builds=()):
    """Registers a suite; `cases` are its doctest cases, if one subject of them may be run alone;
    `builds`, each a preset and its targets, may be made while suites before it wait. The
    decorated function yields (label, command, extra environment). Tests of a program may be skipped
    only if a fourth value says why: a reason, or `own_reason` if the program prints it. A list of
    such tuples runs side by side: a core that is free takes the next one. Only programs that no
    other load can upset."""
    def register(function):
        SUITES[name] = (function, "by name" if by_name_only else "--all" if in_all_only else "")
        BUILDS[name] = builds
        if cases is not None:
            CASES[name] = cases
        return function
    return register


class Build:
    """Configures and builds a preset once, when the first suite asks for it or ahead of that."""
    done = {}                                               # (preset, targets): whether it went well

    @classmethod
    def preset(cls, name, *targets):
        key = (name, targets)
        if key in ahead.wanted:
            cls.done[key] = ahead.result(key)
        elif key not in cls.done:
            cls.done[key] = cls.configure(name) and run_logged(f"build {name}", cls.commands(name, targets)[1])
        if not cls.done[key]:
            raise RuntimeError(f"the build '{name}' failed; its log is above")
        ahead.begin()
        return ROOT / "build" / name

    @staticmethod
    def commands(name, targets=()):
        if name == "release":                               # what users build
            return (["cmake", "--preset", name], ["python3", "tests/support/release_objects.py", JOBS])
        return (["cmake", "--preset", name],
                ["cmake", "--build", f"build/{name}", "-j", JOBS] + (["--target", *targets] if targets else []))

    @classmethod
    def configure(cls, name):
        return run_logged(f"configure {name}", cls.commands(name)[0])


ahead = Ahead(ROOT, Build.commands)


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
    # doctest, our own closing line
    re.compile(r"test cases:\s*\d+ \|\s*(?P<passed>\d+) passed \|\s*(?P<failed>\d+) failed"
               r"(?: \|\s*(?P<skipped>\d+) skipped)?"),
    re.compile(r"^(?P<passed>\d+) passed, (?P<failed>\d+) failed(?:, (?P<skipped>\d+) skipped)?", re.M),
]
RAN = re.compile(r"^Ran (\d+) tests? in.*\n\n(.*)$", re.M)    # unittest, and its closing line
REASON = "skipped:"                                         # begins the line that says why
own_reason = ""                                             # a suite's: the program prints that line


@dataclass
class Count:
    """How many tests of a program, a suite or a run ended in which way."""
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def named(line, *names):
    """The sum of the counts that unittest's closing line gives under these names."""
    return sum(int(n) for n in re.findall(rf"\b(?:{'|'.join(names)})=(\d+)", line))


def counted(code, output, skips_allowed=False):
    """What the command itself counted. A crash counts as one failure. So does a program that ran no
    test, one that skips without leave, and one that skips without a reason."""
    count = Count()
    for pattern in COUNTS:
        for match in pattern.finditer(output):
            count += Count(*(int(match[name] or 0) for name in ("passed", "failed", "skipped")))
    for ran, closing in RAN.findall(output):
        # "expected failures=" and "unexpected successes=" are ways to hide a failure: both count as one.
        bad, skipped = named(closing, "failures", "errors", "successes"), named(closing, "skipped")
        count += Count(int(ran) - bad - skipped, bad, skipped)
    has_reason = any(line.startswith(REASON) for line in output.splitlines())
    if count.skipped and not (skips_allowed and has_reason):
        count.failed += 1
    if (code != 0 and count.failed == 0) or count == Count():
        count.failed += 1
    return count


def show(suite_name, label, command, code, output, count, seconds):
    if count.failed:
        FAILED.append((f"{suite_name}, {label}", essence(output)))
        print(output[-12000:])
        print(f"  {label}: exit {code}, {count.failed} failed: {' '.join(map(str, command))}", flush=True)
        return
    notes = [line for line in output.splitlines() if line.startswith(("measured:", REASON))]
    took = f" ({seconds:.0f} s)" if seconds >= SLOW else ""
    print("\n".join([f"  {label}: {str(count).replace(', 0 failed', '')}{took}"] + [f"    {n}" for n in notes]),
          flush=True)


def of_subjects(name, words):
    """What a suite yields for these subjects alone. Builds only the programs that have them."""
    cases = CASES[name]
    if not Build.configure(cases.preset):
        raise RuntimeError(f"the preset '{cases.preset}' cannot be configured; the log is above")
    found = list(subjects.commands(cases, words, ROOT / "build" / cases.preset))
    Build.preset(cases.preset, *(command[0].name for _, command, _ in found))
    yield from found


def run_entry(suite_name, label, command, environment, *leave):
    """Runs one entry of a suite, prints its line, and returns its count."""
    begun = time.time()
    code, output = run_captured(label, command, environment)
    if leave and leave[0] != own_reason:
        output += f"\n{REASON} {leave[0]}\n"
    count = counted(code, output, skips_allowed=bool(leave))
    show(suite_name, label, command, code, output, count, time.time() - begun)
    return count


def run_suite(name, words=()):
    started, total = time.time(), Count()
    print(f"suite {name}", flush=True)
    try:
        for entry in of_subjects(name, words) if words else SUITES[name][0]():
            entries = entry if isinstance(entry, list) else [entry]
            with ThreadPoolExecutor(int(JOBS)) as pool:
                total += sum(pool.map(lambda one: run_entry(name, *one), entries), Count())
    except RuntimeError as error:
        total.failed += 1
        FAILED.append((name, str(error)))
        print(f"  {error}")
    print(f"suite {name}: {total} ({time.time() - started:.0f} s)", flush=True)
    return total


def wanted_suites(words):
    """{suite: its subjects} as the command line names them. ValueError if a word is neither."""
    wanted = {}
    for word in words:
        if word in SUITES:
            wanted[word] = []
            last = word
        elif not wanted:
            raise ValueError(f"no suite '{word}'; there are: {' '.join(SUITES)}")
        elif last not in CASES:
            raise ValueError(f"no suite '{word}', and '{last}' takes no subject; those that do: {' '.join(CASES)}")
        else:
            subjects.files_of(CASES[last], word)
            wanted[last].append(word)
    return wanted


def main():
    import suites  # noqa: F401  registers what there is
    parser = argparse.ArgumentParser(prog="tests/run", description="Runs the tests of this tree.")
    parser.add_argument("--all", action="store_true", help="the long suites too")
    parser.add_argument("--list", action="store_true", help="name the suites and stop")
    parser.add_argument("suites", nargs="*", metavar="SUITE [SUBJECT…]",
                        help="only these suites, or only these subjects of a suite: unit mix_queue")
    wanted = parser.parse_args()
    if wanted.list:
        for name, (function, when) in SUITES.items():
            print(f"{name:12} {when:7}  {(function.__doc__ or '').strip()}")
        return 0
    try:
        named = wanted_suites(wanted.suites)
    except ValueError as error:
        print(f"tests/run: {error}", file=sys.stderr)
        return 2
    names = named or {n: [] for n, (_, when) in SUITES.items() if when == "" or (wanted.all and when == "--all")}
    started = time.time()
    ahead.want(key for name, words in names.items() if not words for key in BUILDS[name])
    results = {name: run_suite(name, words) for name, words in names.items()}
    print(f"\n{'suite':12} passed failed skipped")
    for name, count in results.items():
        print(f"{name:12} {count.passed:6} {count.failed:6} {count.skipped:7}")
    for where, said in FAILED:
        print(f"\nfailed in {where}:\n{said}")
    total = sum(results.values(), Count())
    print(f"wall time {time.time() - started:.0f} s")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.modules["run"] = sys.modules["__main__"]
    sys.exit(main())
