"""The engine behind tests/mutants. The mutants themselves are in mutant_list*.py.

The tree's tracked files are copied to build/mutants/src, so a mutant never touches the checkout.
A mutant replaces one text, which must stand exactly once in its file, rebuilds what depends on it
and runs its one test. A check of that test must fail (mutant_verdict.py): a mutant that survives, that
only crashes its test, does not apply or does not compile fails the whole run.

The mutants of one test program run together, and within them those of one file: then only that file is
compiled again, and only that program is linked. Each program's tests must pass before its first mutant.
"""
import argparse
import fcntl
import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from mutant_records import Records
from mutant_verdict import KILLED, verdict

# Every list in this folder, so that a new one needs no entry here.
LISTS = sorted(path.stem for path in Path(__file__).resolve().parent.glob("mutant_list*.py"))
MUTANTS = [mutant for name in LISTS for mutant in importlib.import_module(name).MUTANTS]
ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "mutants"
# Laid out as a checkout with the preset `test`, so that ccache knows what that preset has compiled before.
SOURCE = WORK / "src"
BUILD = SOURCE / "build" / "test"
TEST_SECONDS_MAX = 60
ENVIRONMENT = {"CCACHE_BASEDIR": str(SOURCE), "CCACHE_NOHASHDIR": "1", **os.environ, "NIGHTJAR_BUILD": str(BUILD)}
JOBS = os.environ.get("NIGHTJAR_JOBS") or str(os.cpu_count() or 2)
# The product compiles without warnings. What a mutant leaves unused, or compares, must not keep it from compiling.
TOLERANT = "".join(f'#pragma GCC diagnostic ignored "-W{name}"\n' for name in (
    "pragmas", "unused", "unused-parameter", "unused-variable", "unused-function", "unused-value",
    "unused-but-set-variable", "unused-but-set-parameter", "empty-body", "type-limits", "sign-compare", "parentheses"))


def run(command, limit=1800):
    """How it ended, and what it said. None if it took too long: then all that it has started ends with it."""
    process = subprocess.Popen([str(c) for c in command], cwd=SOURCE, stdin=subprocess.DEVNULL, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                               env=ENVIRONMENT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(reason, subprocess.TimeoutExpired):
            return None, "over its time"
        raise


def copy_tree():
    """Brings the copy up to date, keeping times of files that did not change so that little is rebuilt."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split("\n")
    wanted = {name for name in listed if name and (ROOT / name).is_file()}
    for name in wanted:
        target = SOURCE / name
        if not target.exists() or target.read_bytes() != (ROOT / name).read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
            shutil.copymode(ROOT / name, target)
    for path in list(SOURCE.rglob("*")):
        if path.is_file() and BUILD not in path.parents and str(path.relative_to(SOURCE)) not in wanted:
            path.unlink()


def build(targets):
    return run(["cmake", "--build", BUILD, "-j", JOBS, "--target", *sorted(targets)])


def test_command(mutant):
    program, case = mutant["test"]
    if program.endswith(".py"):
        return ["/usr/bin/python3", SOURCE / program, case]
    # A comma would end the name: doctest takes several.
    return [BUILD / program, "--test-case=" + case.replace(",", "?")]


def target_of(mutant):
    program = mutant["test"][0]
    return mutant.get("targets") or [Path(program).name]


def ran_something(output):
    return "test cases: 0 |" not in output and "Ran 0 tests" not in output


def in_groups(mutants):
    """By test program, as they come first in the list, and within it by file."""
    programs = list(dict.fromkeys(m["test"][0] for m in mutants))
    files = list(dict.fromkeys(m["file"] for m in mutants))
    for program in programs:
        yield program, sorted((m for m in mutants if m["test"][0] == program), key=lambda m: files.index(m["file"]))


def red_tests(mutants):
    """The tests that fail without any mutant; all of them if the product does not build."""
    tests = sorted({m["test"] for m in mutants})
    code, output = build({t for m in mutants for t in target_of(m)})
    if code != 0:
        print(output[-6000:])
        return tests
    red = []
    for test in tests:
        code, output = run(test_command({"test": test}), TEST_SECONDS_MAX)
        if code != 0 or not ran_something(output):
            print(output[-4000:])
            print(f"not green before any mutant: {test}", flush=True)
            red.append(test)
    return red


def try_mutant(mutant):
    """KILLED, or why not."""
    path = SOURCE / mutant["file"]
    original = path.read_text()
    if original.count(mutant["was"]) != 1:
        return f"its line stands {original.count(mutant['was'])} times in {mutant['file']}"
    path.write_text(TOLERANT + original.replace(mutant["was"], mutant["is"]))
    try:
        code, output = build(target_of(mutant))
        if code != 0:
            return "does not compile: " + " ".join(output[-600:].split())
        code, output = run(test_command(mutant), TEST_SECONDS_MAX)
        found = verdict(*mutant["test"], code, output)
        if found != KILLED:
            print(output[-3000:])
        return found
    finally:
        path.write_text(original)


def parsed_arguments():
    parser = argparse.ArgumentParser(prog="tests/mutants")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    wanted = parser.parse_args()
    if unknown := sorted(set(wanted.names) - {m["name"] for m in MUTANTS}):
        parser.error(f"no mutant is called {', '.join(unknown)}")
    return wanted


def run_all(mutants, records):
    """Prints a line for each mutant and counts those that no check killed."""
    failed = number = 0
    for program, group in in_groups(mutants):
        begun = time.time()
        red = red_tests(group)
        print(f"{program}: built, and its tests run without any mutant ({time.time() - begun:.0f} s)", flush=True)
        for mutant in group:
            begun = time.time()
            found = "its test fails without it" if mutant["test"] in red else try_mutant(mutant)
            seconds = time.time() - begun
            records.add(mutant, found, seconds)
            failed += found != KILLED
            number += 1
            print(f"{number:3}/{len(mutants)} {mutant['name']:50} {found} ({seconds:.0f} s)", flush=True)
    return failed


def main():
    wanted = parsed_arguments()
    mutants = [m for m in MUTANTS if not wanted.names or m["name"] in wanted.names]
    if wanted.list:
        for m in mutants:
            print(f"{m['name']:50} {m['file']:34} {m['test'][1]}")
        return 0
    started = time.time()
    # A run that is ended puts its line back and ends its test, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    SOURCE.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"tests/mutants: another run works in {WORK}", file=sys.stderr)
            return 2
        copy_tree()
        records = Records(WORK / "verdicts", SOURCE)
        known = [m for m in mutants if wanted.resume and records.verdict(m) == KILLED]
        if known:
            print(f"{len(known)} killed in an earlier run, not run again")
        code, output = run(["cmake", "--preset", "test"])
        if code != 0:
            print(output[-3000:])
            print("0 passed, 1 failed")
            return 1
        failed = run_all([m for m in mutants if m not in known], records)
    print(f"wall time {time.time() - started:.0f} s")
    print(f"{len(mutants) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
