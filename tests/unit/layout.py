"""Each tracked C++ or C file is laid out as .clang-format says. Closes with `N passed, N failed`."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHECK = ["clang-format-16", "--dry-run", "-Werror"]
FILES_LEAST = 100   # fewer: the list of files is wrong
UGLY = "int  f( ) {return 1 ;}\n"


def layout(arguments, text=None):
    """(whether it is right, what clang-format says)."""
    done = subprocess.run(CHECK + arguments, cwd=ROOT, input=text, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def main():
    listed = subprocess.run(["git", "ls-files", "-z", "*.cpp", "*.hpp", "*.c", "*.h"], cwd=ROOT, capture_output=True,
                            text=True, check=True).stdout
    files = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    failed = 0
    if layout(["--assume-filename=relay/ugly.cpp"], UGLY)[0] or len(files) < FILES_LEAST:
        print(f"the check itself does not work: {len(files)} files")
        failed += 1
    if not layout(files)[0]:
        for name in files:
            right, said = layout([name])
            if not right:
                print(f"{name}: run clang-format-16 -i\n{said}")
                failed += 1
    print(f"{len(files) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
