"""Shows that replaying a corpus can fail: one useless input reaches none of a target's depths.

    python3 tests/fuzz/depth_test.py BUILD
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

USELESS = b"\x01"


def refuses(program):
    """Whether the program fails on a corpus of one useless input, and for that reason alone."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "useless").write_bytes(USELESS)
        done = subprocess.run([program, folder], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    missed = re.findall(r"^depth: 0 ", done.stdout, re.M)
    return done.returncode == 1 and f"{len(missed)} failed" in done.stdout and len(missed) > 1


def main():
    sources = sorted(Path(__file__).parent.rglob("*_fuzz.cpp"))
    programs = [Path(sys.argv[1]) / "tests/fuzz" / source.name.replace("_fuzz.cpp", "_replay") for source in sources]
    wrong = [program.name for program in programs if not refuses(program)]
    for name in wrong:
        print(f"{name} accepts a corpus of one useless input, or names fewer than two places")
    print(f"{len(programs) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
