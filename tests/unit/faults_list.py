"""Each test that the table of faults in docs/testing.md names exists, and each row of faults that the table must have is
there. Closes with `N passed, N failed`."""
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = {*range(1, 64)}
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| (.+) \|$")


def cases():
    """The texts of all C++ tests, with a name that is broken over two lines in one piece."""
    return "\n".join(re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
                     for path in sorted((ROOT / "tests").rglob("*.cpp")))


def findings(page, tests):
    """What is wrong with the table in `page`."""
    listed = [(int(row[1]), row[2]) for row in map(ROW.match, page.split("\n")) if row]
    rows = dict(listed)
    for number, count in Counter(number for number, _ in listed).items():
        if count > 1:
            yield f"row {number} stands {count} times"
    for missing in sorted(ROWS - set(rows)):
        yield f"row {missing} is missing"
    for number, text in rows.items():
        names = re.findall(r"`([^`]+)`", text)
        if not names and text != "none":
            yield f"row {number} names no test"
        for name in names:
            if name.startswith("tests/"):
                if not (ROOT / name).is_file():
                    yield f"row {number}: there is no {name}"
            elif f'"{name}"' not in tests:
                yield f"row {number}: there is no case \"{name}\""


def main():
    page = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
    tests = cases()
    found = list(findings(page, tests))
    # The check itself: a table without its rows, and one that names what does not exist.
    if not list(findings("", tests)) or len(list(findings(page, ""))) < len(ROWS) // 2:
        found.append("the check itself does not work")
    for finding in found:
        print(f"docs/testing.md: {finding}")
    print(f"{len(ROWS) + 1 - len(found)} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
