"""Finds the test files of one subject, for `tests/run SUITE SUBJECT`, and the program that has them.

A subject is the name of a test file without _test.cpp (`mix_queue`), or a folder or file below the suite's
folder (`relay/core`, `relay/core/mix_queue`).
"""
import difflib
import json
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Cases:
    """Where the doctest cases of a suite are: the preset of their build, and the folders of their sources."""
    preset: str
    folders: tuple


def subject_of(path, folder):
    """relay/core/mix_queue for FOLDER/relay/core/mix_queue_test.cpp."""
    return str(path.relative_to(folder)).removesuffix("_test.cpp")


def matching(word, subjects):
    """The subjects that a word names: those with this name, else those below a folder or at a path of it."""
    word = word.strip("/")
    named = [s for s in subjects if s.rpartition("/")[2] == word]
    return named or [s for s in subjects if f"/{word}/" in f"/{s}/"]


def files_of(cases, word):
    """The test files of a subject. ValueError says which word finds none, and what is spelled like it."""
    found = {}
    for folder in (ROOT / name for name in cases.folders):
        found |= {subject_of(path, folder): path for path in sorted(folder.rglob("*_test.cpp"))}
    wanted = matching(word, found)
    if not wanted:
        names = {part for subject in found for part in (subject, subject.rpartition("/")[2])}
        near = difflib.get_close_matches(word, sorted(names), 3)
        hint = f"; near it: {' '.join(near)}" if near else ""
        raise ValueError(f"no test file in {' '.join(cases.folders)} is named '{word}'{hint}")
    return [found[subject] for subject in wanted]


def programs_of(files, build):
    """{program: its files among these}, from what CMake has configured in `build`."""
    programs, missing = {}, set(files)
    for command in json.loads((build / "compile_commands.json").read_text()):
        path = Path(command["file"])
        if path in files:
            words = shlex.split(command["command"])
            folder, _, rest = words[words.index("-o") + 1].partition("/CMakeFiles/")
            programs.setdefault(build / folder / rest.partition(".dir/")[0], []).append(path)
            missing.discard(path)
    if missing:
        raise RuntimeError(f"{min(missing).relative_to(ROOT)} is in no CMakeLists.txt")
    return programs


def commands(cases, words, build):
    """(label, command, environment) for each program that has cases of the subjects."""
    files = {path for word in words for path in files_of(cases, word)}
    for program, its_files in programs_of(files, build).items():
        yield (f"{program.name} {' '.join(words)}",
               [program, "--no-skipped-summary",
                "--source-file=" + ",".join(f"*/{path.relative_to(ROOT)}" for path in its_files)],
               {})
