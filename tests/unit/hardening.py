#!/usr/bin/env python3
"""Checks that the programs are built to be hard to exploit.

    tests/unit/hardening.py BUILD_FOLDER

Reads the binaries themselves, because a flag in a build file does not prove that a linker used it.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("relay/nightjar-relay", "relay/authority/nightjar-authority", "client/nightjar")
# Symbols that a program imports only if the compiler put the check in.
IMPORTS = {
    "stack protector": r"__stack_chk_fail\b",
    "bounds of library calls (_FORTIFY_SOURCE)": r"__memcpy_chk\b",
    "assertions of the standard library (_GLIBCXX_ASSERTIONS)": r"__glibcxx_assert_fail",
}
# What a program's headers must say, and what they must not.
HEADERS = {
    "position independent": r"Type:\s+DYN \(Position-Independent Executable",
    "relocations read-only": r"GNU_RELRO",
    "relocations bound at start (full RELRO)": r"BIND_NOW",
    "stack not executable": r"GNU_STACK(\s+0x[0-9a-f]+){5}\s+RW\s",
}
# Nothing in a binary shows this one, so the compiler's command line must.
FLAGS = ("-fstack-clash-protection", "-fcf-protection=full")
ROOT = Path(__file__).resolve().parent.parent.parent
CHECK = "NIGHTJAR_CHECK("    # sphinx/base/check.hpp


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def faults_of(program):
    headers = output("readelf", "-hldW", program)
    imports = output("nm", "-D", "--undefined-only", program)
    faults = [f"{name}: missing" for name, text in HEADERS.items() if not re.search(text, headers)]
    faults += [f"{name}: missing" for name, text in IMPORTS.items() if not re.search(text, imports)]
    entry = output("objdump", "-d", "--no-show-raw-insn", "--disassemble=main", program)
    if "endbr64" not in entry:
        faults.append("landing marks for indirect jumps (-fcf-protection): missing")
    return faults


def faults_of_commands(build):
    """The product's sources that are compiled without one of FLAGS."""
    faults = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if re.search(r"/(relay|client|sphinx)/", entry["output"] if "output" in entry else entry["file"]):
            faults += [f"{entry['file']}: compiled without {flag}" for flag in FLAGS
                       if flag not in entry["command"]]
    return faults


def checks_in(source):
    """The conditions of a source's checks, as the compiler writes them into a program."""
    for part in source.split(CHECK)[1:]:
        depth, end = 1, 0
        while depth:
            depth += {"(": 1, ")": -1}.get(part[end], 0)
            end += 1
        yield " ".join(part[:end - 1].split())


def faults_of_checks(build):
    """Checks of sizes that a build has left out: assert() is off in a release, these are not."""
    programs = b"".join((build / program).read_bytes() for program in PROGRAMS)
    sources = [path for folder in ("sphinx", "relay", "client") for path in (ROOT / folder).rglob("*.cpp")]
    checks = [(path, condition) for path in sources for condition in checks_in(path.read_text())]
    faults = [f"{path.relative_to(ROOT)}: the check {condition!r} is in no program"
              for path, condition in checks if f"check: {condition}\0".encode() not in programs]
    return faults if checks else ["no source has a check"]


def main():
    build = Path(sys.argv[1])
    results = {program: faults_of(build / program) for program in PROGRAMS}
    results["checks of sizes"] = faults_of_checks(build)
    results["the compiler's command lines"] = faults_of_commands(build)
    for name, faults in results.items():
        for fault in faults:
            print(f"{name}: {fault}")
    failed = sum(bool(faults) for faults in results.values())
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
