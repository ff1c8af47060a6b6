#!/usr/bin/env python3
"""Checks that a kernel's object file, compiled for a newer processor, defines only its entry points.

    tests/unit/kernel_objects.py BUILD_FOLDER

An inline function or a library template in such a file is a weak symbol. The linker may choose it for
the whole program, which then crashes on an older processor. Also checks that no jump depends on a
secret: the ladder and the walk through a table loop over bits and digits, so they have only a few
conditional jumps.
"""
import re
import subprocess
import sys
from pathlib import Path

KERNELS = {"x25519_ifma": 4, "x25519_avx2": 3, "blake2b_avx512": 2, "blake2b_avx2": 1, "sha256_ni": 2}
SECRET_FUNCTIONS = {"x25519_ifma": 4, "x25519_avx2": 4}
JUMPS_MAX = 8


def defined(path):
    listed = subprocess.run(["nm", "-C", "--defined-only", path], stdout=subprocess.PIPE, text=True, check=True)
    return [line.split(maxsplit=2)[1:] for line in listed.stdout.splitlines()]


def secret_jumps(path):
    """The number of conditional jumps in each function that handles a scalar's bits."""
    text = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", path],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    counts = {}
    for body in re.split(r"\n\n", text):
        head = body.strip().splitlines()[0] if body.strip() else ""
        if (("Ladder" in head or "Alone" in head) and "run(" in head) or ("Comb" in head and ("add_digit(" in head or "::multiply(" in head)):
            counts[head] = len(re.findall(r"\tj(?!mp)[a-z]+ ", body))
    return counts


def main():
    folder = Path(sys.argv[1]) / "sphinx/crypto/CMakeFiles/nightjar_crypto.dir"
    passed = failed = 0
    for name, entries in KERNELS.items():
        path = folder / f"{name}.cpp.o"
        symbols = defined(path)
        strong = [s for kind, s in symbols if kind == "T"]
        weak = [s for kind, s in symbols if kind in "WVu"]
        faults = [f"defines {s} weakly" for s in weak]
        if len(strong) != entries:
            faults.append(f"defines {len(strong)} entry points, expected {entries}: {strong}")
        if name.startswith("x25519"):
            jumps = secret_jumps(path)
            # A ladder per register width, that of one multiplication alone, and the table's two functions.
            if len(jumps) != SECRET_FUNCTIONS[name]:
                faults.append(f"its ladders and tables are not all found: {sorted(jumps)}")
            faults += [f"{n} conditional jumps in {head}" for head, n in jumps.items()
                       if n > JUMPS_MAX]
        for fault in faults:
            print(f"{name}: {fault}")
        passed, failed = passed + (not faults), failed + bool(faults)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
