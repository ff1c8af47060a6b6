#!/usr/bin/env python3
"""Checks that no jump and no address depends on a secret, as far as valgrind can track it.

    tests/unit/secret_flow.py BUILD_FOLDER

Runs secret_flow under valgrind with every secret marked as undefined; valgrind must report nothing.
Then runs the control, which jumps depending on a secret; valgrind must report it.
"""
import subprocess
import sys
from pathlib import Path

REPORTED = 9


def run(program, *arguments):
    done = subprocess.run(["valgrind", "--quiet", f"--error-exitcode={REPORTED}", program, *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def main():
    program = Path(sys.argv[1]) / "tests/unit/secret_flow"
    code, output = run(program)
    seen, _ = run(program, "control")
    kernels = [line for line in output.splitlines() if line.startswith("kernel ")]
    faults = []
    if code != 0 or len(kernels) != 2:
        faults.append(f"exit code {code}\n{output}")
    if seen != REPORTED:
        faults.append(f"the control jumps by a secret, and its exit code is {seen}")
    for line in [f"measured: {kernel}" for kernel in kernels] + faults:
        print(line)
    print(f"{2 - len(faults)} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
