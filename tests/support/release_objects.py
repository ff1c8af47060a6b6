"""Compiles what differs between the presets `release` and `test`: sources that assert or include a header
that does, and sources that `test` optimises less. All others have the same warnings in both.

    tests/support/release_objects.py JOBS      in a tree whose preset `release` is configured
"""
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
RELEASE = ROOT / "build/release"
ASSERTS = re.compile(r"\bassert\(|\bNDEBUG\b")
INCLUDED = re.compile(r'^#include "([^"]+)"', re.M)


def commands(preset):
    """{object: (source, command)} of a preset."""
    found = {}
    for entry in json.loads((ROOT / "build" / preset / "compile_commands.json").read_text()):
        found[re.search(r" -o (\S+)", entry["command"])[1]] = (Path(entry["file"]), entry["command"])
    return found


def asserts(source):
    """True if it or a header of the tree that it names asserts."""
    text = source.read_text()
    headers = (ROOT / name for name in INCLUDED.findall(text))
    return any(ASSERTS.search(part) for part in (text, *(header.read_text() for header in headers)))


def optimised(command):
    return re.findall(r" -O(\d)", command)[-1]


def differing():
    """The objects to build."""
    tested = commands("test")
    return sorted(name for name, (source, command) in commands("release").items()
                  if name in tested and (asserts(source) or optimised(command) != optimised(tested[name][1])))


def main():
    objects = differing()
    if not objects:
        print("no object differs, which cannot be")
        return 1
    print(f"{len(objects)} objects")
    return subprocess.run(["ninja", "-C", RELEASE, "-j", sys.argv[1], *objects]).returncode


if __name__ == "__main__":
    sys.exit(main())
