"""Each test that the table of faults in docs/testing.md names exists, and each row of faults that the table must have is
there; and the same for the table of attacks in docs/threat-model.md. Closes with `N passed, N failed`."""
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# The rows of each page's table.
PAGES = {"docs/testing.md": {*range(1, 64)}, "docs/threat-model.md": {*range(1, 15)}}
ROW = re.compile(r"^\| (\d+) \| [^|]+ (?:\| [^|]+ )*\| ([^|]+) \|$")


def cases():
    """The texts of all C++ tests, with a name that is broken over two lines in one piece."""
    return "\n".join(re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
                     for path in sorted((ROOT / "tests").rglob("*.cpp")))


def findings(page, tests, must):
    """What is wrong with the table in `page`, which must have these rows."""
    listed = [(int(row[1]), row[2]) for row in map(ROW.match, page.split("\n")) if row]
    rows = dict(listed)
    for number, count in Counter(number for number, _ in listed).items():
        if count > 1:
            yield f"row {number} stands {count} times"
    for missing in sorted(must - set(rows)):
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
    tests = cases()
    found = []
    for name, must in PAGES.items():
        page = (ROOT / name).read_text(encoding="utf-8")
        found += [f"{name}: {finding}" for finding in findings(page, tests, must)]
        # The check itself: a table without its rows, and one that names what does not exist.
        if not list(findings("", tests, must)) or len(list(findings(page, "", must))) < len(must) // 2:
            found.append(f"{name}: the check itself does not work")
    for finding in found:
        print(finding)
    print(f"{sum(map(len, PAGES.values())) + len(PAGES) - len(found)} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
