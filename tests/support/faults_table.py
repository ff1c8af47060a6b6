"""The tests that the tables of faults and attacks name: docs/testing.md and docs/threat-model.md."""
import re
from pathlib import Path

from subjects import programs_of

ROOT = Path(__file__).resolve().parent.parent.parent
ROW = re.compile(r"^\| (\d+) \| [^|]+ (?:\| [^|]+ )*\| ([^|]+) \|$")
EXECUTABLE = re.compile(r"^ *add_executable\(([a-z_]+)((?:[^()]|\([^()]*\))*)\)", re.MULTILINE)


def rows(page):
    """(number, its cell of tests) of each row, in order. A row may stand twice."""
    return [(int(row[1]), row[2]) for row in map(ROW.match, page.split("\n")) if row]


def names(cell):
    return re.findall(r"`([^`]+)`", cell)


def sources():
    """{C++ test: its text}, with a name that is broken over two lines in one piece."""
    return {path: re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
            for path in sorted((ROOT / "tests").rglob("*.cpp"))}


def programs():
    """{C++ test: the programs that it is a part of}, by all CMakeLists.txt of the tests."""
    found = {}
    for lists in sorted((ROOT / "tests").rglob("CMakeLists.txt")):
        for program, body in EXECUTABLE.findall(lists.read_text(encoding="utf-8")):
            for file in re.findall(r"[\w./]+\.cpp", body):
                found.setdefault((lists.parent / file).resolve(), set()).add(program)
    return found


def commands(page, numbers, build):
    """What runs the C++ cases that these rows name, in the programs of a build: (label, command, environment)."""
    wanted = {name for number, cell in rows(page) if number in numbers for name in names(cell)}
    texts = sources()
    files = {name: [path for path, text in texts.items() if f'"{name}"' in text] for name in wanted}
    for program, its_files in programs_of({path for paths in files.values() for path in paths}, build).items():
        its_names = sorted(name for name, paths in files.items() if set(paths) & set(its_files))
        # doctest splits a filter at its commas; its ? stands for any character.
        only = ",".join(name.replace(",", "?") for name in its_names)
        yield f"{program.name}, rows of the document", [program, "--no-skipped-summary", f"--test-case={only}"], {}
