"""Each test that the table of faults in docs/testing.md names exists and is run by a suite of tests/run, and each row of
faults that the table must have is there; and the same for the table of attacks in docs/threat-model.md. What is run by hand
stands there as "by hand: `…`". Closes with `N passed, N failed`."""
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import suites  # noqa: E402
from faults_table import ROOT, names, programs, rows, sources  # noqa: E402

# The rows of each page's table.
PAGES = {"docs/testing.md": {*range(1, 64)}, "docs/threat-model.md": {*range(1, 15)}}
BY_HAND = "by hand: `{}`"


class Tests:
    """What there is, and what of it tests/run runs."""

    def __init__(self, texts, of_programs, said):
        self.texts, self.of_programs = texts, of_programs
        self.said = said        # the source of the suites: it names each program and each Python test outside of tests/system
        listed = [name for faults in (False, True) for name, *_ in suites.python_tests(Path(), faults)]
        self.of_system = {*listed, suites.CAPTURE_TEST, suites.LIVING_TEST, *suites.FURTHER_TESTS, *suites.APPLICATION_TESTS}

    def files(self, name):
        """Those that the table means by this name."""
        if name.startswith("tests/"):
            return [ROOT / name] if (ROOT / name).is_file() else []
        return [path for path, text in self.texts.items() if f'"{name}"' in text]

    def is_run(self, path):
        if path.suffix == ".cpp":
            return any(re.search(rf'[/"]{program}"', self.said) for program in self.of_programs.get(path, ()))
        if path.parent == ROOT / "tests/system":
            return path.name in self.of_system
        return str(path.relative_to(ROOT)) in self.said


def findings(page, tests, must):
    """What is wrong with the table in `page`, which must have these rows."""
    listed = rows(page)
    for number, count in Counter(number for number, _ in listed).items():
        if count > 1:
            yield f"row {number} stands {count} times"
    for missing in sorted(must - {number for number, _ in listed}):
        yield f"row {missing} is missing"
    for number, cell in listed:
        if not names(cell) and cell != "none":
            yield f"row {number} names no test"
        for name in names(cell):
            files = tests.files(name)
            if not files:
                yield f'row {number}: there is no test "{name}"'
            elif BY_HAND.format(name) not in cell and not any(map(tests.is_run, files)):
                yield f'row {number}: no suite runs "{name}"'


def main():
    said = (ROOT / "tests/support/suites.py").read_text(encoding="utf-8")
    texts, of_programs = sources(), programs()
    tests, none, idle = Tests(texts, of_programs, said), Tests({}, of_programs, said), Tests(texts, {}, said)
    found = []
    for name, must in PAGES.items():
        page = (ROOT / name).read_text(encoding="utf-8")
        found += [f"{name}: {finding}" for finding in findings(page, tests, must)]
        # The check itself: a table without its rows, one that names what does not exist, and one of what no suite runs.
        if not list(findings("", tests, must)) or any(len(list(findings(page, other, must))) < len(must) // 2
                                                      for other in (none, idle)):
            found.append(f"{name}: the check itself does not work")
    if not list(findings(f"| 1 | x | `tests/system/{suites.BY_COMMAND[0]}` |", tests, set())):
        found.append("the check takes a test that is in no suite")
    for finding in found:
        print(finding)
    print(f"{sum(map(len, PAGES.values())) + len(PAGES) + 1 - len(found)} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
