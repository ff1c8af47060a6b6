"""What earlier runs of tests/mutants found, so that a run that was interrupted can be resumed.

Each verdict is one line of build/mutants/verdicts: the mutant's name, a digest, seconds, the verdict. The digest
covers the mutant itself, the file that it breaks and the files that hold its test. It does not cover the rest
of the tree, so a resumed run says less than a whole one: only `--resume` reads the records.
"""
import functools
import hashlib
import re


@functools.lru_cache(maxsize=None)
def test_texts(folder):
    """The test sources below `folder`. A name that is written over two lines is joined."""
    return {path: re.sub(r'"\s*\n\s*"', "", path.read_text()) for path in sorted(folder.rglob("*.cpp"))}


def test_sources(root, test):
    """The text of the test itself; of all tests of its program if no file names the case."""
    program, case = test
    if program.endswith(".py"):
        return [(root / program).read_text()]
    texts = test_texts((root / program).parent)
    return [text for text in texts.values() if f'"{case}"' in text] or list(texts.values())


def digest(root, mutant):
    parts = [repr(sorted(mutant.items())), (root / mutant["file"]).read_text(), *test_sources(root, mutant["test"])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Records:
    def __init__(self, path, root):
        self.path, self.root, self.found = path, root, {}
        if path.exists():
            for line in path.read_text().splitlines():
                name, of, _, verdict = line.split("\t")
                self.found[name] = (of, verdict)

    def verdict(self, mutant):
        """The last verdict on this mutant, None if its text, its file or its test has changed since."""
        of, verdict = self.found.get(mutant["name"], (None, None))
        return verdict if of == digest(self.root, mutant) else None

    def add(self, mutant, verdict, seconds):
        # A verdict may hold a compiler's words: one line each, without tabs.
        with self.path.open("a") as out:
            out.write(f"{mutant['name']}\t{digest(self.root, mutant)}\t{seconds:.1f}\t{' '.join(verdict.split())}\n")
