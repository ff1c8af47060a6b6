"""The engine behind tests/mutants. The mutants themselves are in mutant_list*.py.

The tree's tracked files are copied to build/mutants/src, so a mutant never touches the checkout.
A mutant replaces one text, which must stand exactly once in its file, rebuilds what depends on it
and runs its one test. A check of that test must fail (mutant_verdict.py): a mutant that survives, that
only crashes its test, does not apply or does not compile fails the whole run.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import mutant_list
import mutant_list_client
import mutant_list_node
import mutant_list_relay
import mutant_list_stream
from mutant_verdict import KILLED, verdict

MUTANTS = [mutant for part in (mutant_list, mutant_list_client, mutant_list_node, mutant_list_stream,
                                 mutant_list_relay)
           for mutant in part.MUTANTS]
ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "build" / "mutants"
SOURCE, BUILD = WORK / "src", WORK / "build"
TEST_SECONDS_MAX = 60
# A mutant may leave something unused: that must not keep it from compiling.
FLAGS = ["-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -w"]


def run(command, limit=1800):
    try:
        done = subprocess.run([str(c) for c in command], cwd=SOURCE, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit,
                              errors="replace", env={**os.environ, "NIGHTJAR_BUILD": str(BUILD)})
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return None, "over its time"


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
        if path.is_file() and str(path.relative_to(SOURCE)) not in wanted:
            path.unlink()


def build(targets):
    return run(["cmake", "--build", BUILD, "-j", str(os.cpu_count() or 2), "--target", *sorted(targets)])


def test_command(mutant):
    program, case = mutant["test"]
    if program.endswith(".py"):
        return ["python3", SOURCE / program, case]
    # A comma would end the name: doctest takes several.
    return [BUILD / program, "--test-case=" + case.replace(",", "?")]


def target_of(mutant):
    program = mutant["test"][0]
    return mutant.get("targets") or [Path(program).name]


def ran_something(output):
    return "test cases: 0 |" not in output and "Ran 0 tests" not in output


def green_run(mutants):
    code, output = build({t for m in mutants for t in target_of(m)})
    if code != 0:
        print(output[-6000:])
        return False
    for test in sorted({m["test"] for m in mutants}):
        code, output = run(test_command({"test": test}), TEST_SECONDS_MAX)
        if code != 0 or not ran_something(output):
            print(output[-4000:])
            print(f"not green before any mutant: {test}")
            return False
    return True


def try_mutant(mutant):
    """KILLED, or why not."""
    path = SOURCE / mutant["file"]
    original = path.read_text()
    if original.count(mutant["was"]) != 1:
        return f"its line stands {original.count(mutant['was'])} times in {mutant['file']}"
    path.write_text(original.replace(mutant["was"], mutant["is"]))
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


def main():
    parser = argparse.ArgumentParser(prog="tests/mutants")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME")
    wanted = parser.parse_args()
    mutants = [m for m in MUTANTS if not wanted.names or m["name"] in wanted.names]
    if wanted.list:
        for m in mutants:
            print(f"{m['name']:50} {m['file']:34} {m['test'][1]}")
        return 0
    if unknown := sorted(set(wanted.names) - {m["name"] for m in MUTANTS}):
        print(f"tests/mutants: no mutant is called {', '.join(unknown)}", file=sys.stderr)
        return 2
    started = time.time()
    copy_tree()
    print("building, and a green run without any mutant", flush=True)
    code, output = run(["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", *FLAGS])
    if code != 0 or not green_run(mutants):
        print(output[-3000:] if code != 0 else "")
        print("0 passed, 1 failed")
        return 1
    failed = 0
    for number, mutant in enumerate(mutants, 1):
        begun = time.time()
        found = try_mutant(mutant)
        failed += found != KILLED
        print(f"{number:3}/{len(mutants)} {mutant['name']:50} {found} ({time.time() - begun:.0f} s)", flush=True)
    print(f"wall time {time.time() - started:.0f} s")
    print(f"{len(mutants) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
