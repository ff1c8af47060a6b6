"""Prints the cases of a doctest program as commands that ctest reads.

Usage: cases.py PROGRAM
The name of a case is "FOLDER/FILE: CASE", for example "relay/core/mix_queue: mix queue: ...".
"""
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def cases(program):
    """(source file, name) of each case, in the order of the program."""
    done = subprocess.run([program, "--list-test-cases", "--reporters=xml"], capture_output=True, text=True,
                          check=True)
    found = {}
    # A program that runs its cases several times lists them as often, with lines of its own between.
    for line in done.stdout.splitlines():
        if line.strip().startswith("<TestCase "):
            case = xml.fromstring(line)
            found[case.get("filename"), case.get("name")] = None
    return list(found)


def subject(file):
    """relay/core/mix_queue for tests/unit/relay/core/mix_queue_test.cpp, system/exit for tests/system/exit_test.cpp.
    `file` may be absolute or relative to the build (ccache makes it so)."""
    inside = file.rpartition("/tests/")[2].removeprefix("unit/")
    return str(Path(inside).with_suffix("")).removesuffix("_test")


def quoted(text):
    return f"[==[{text}]==]"


def main():
    program = sys.argv[1]
    for file, name in cases(program):
        test = quoted(f"{subject(file)}: {name}")
        # doctest splits a filter at its commas; its ? stands for any character.
        only = [f"--source-file={file}", "--test-case=" + name.replace(",", "?")]
        print("add_test(", test, quoted(program), *map(quoted, only), ")")


if __name__ == "__main__":
    main()
