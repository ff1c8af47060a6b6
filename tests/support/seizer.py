"""What a seizure's keys open, and what its memories share: puts all of it into a folder and asks nightjar-seizer."""
import contextlib
import json
import re
import shutil
import subprocess
from pathlib import Path

from seizure import family_of, files_below, memory_of


def memories_of(pids):
    """{name: all that the process and those it has started have written}. `pids`: {name: process}."""
    return {name: b"".join(content for one in family_of(pid) for _, content in memory_of(one)) for name, pid in pids.items()}


def keys_in(folders):
    """All secret keys of relays that are in files of these folders, as hexadecimal digits."""
    return sorted({found.decode() for folder in folders for name, content in files_below(folder) if name.endswith(".key")
                   for found in re.findall(rb"\b[0-9a-f]{64}\b", content)})


ED25519 = bytes.fromhex("302a300506032b6570032100")    # what stands before such a key in a certificate (RFC 8410)


def public_keys(texts):
    """The bytes of all that is written in hexadecimal in these documents, as certificates and OpenSSL have keys: each behind the
    name of its kind, and behind the bit that says that there is one."""
    found = {bytes.fromhex(digits.decode()) for text in texts for digits in re.findall(rb"\b(?:[0-9a-f]{2}){16,}\b", text)}
    return b"\0".join(part for key in sorted(found) for part in (ED25519 + key, key + b"\1" + key))


class Seizer:
    def __init__(self, program, folder):
        self.program, self.folder = program, Path(folder)

    @contextlib.contextmanager
    def filled(self, **folders):
        """The folder with one folder for each argument, which has a file for each entry."""
        try:
            for name, files in folders.items():
                (self.folder / name).mkdir(parents=True)
                for file, content in files.items():
                    (self.folder / name / file).write_bytes(content)
            yield
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, verb):
        done = subprocess.run([self.program, verb, self.folder], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def open(self, memories, wires, mix_keys):
        """Which recordings the memories' keys open, and what the mix keys make of their packets."""
        with self.filled(memory=memories, wires=wires):
            (self.folder / "mix_keys").write_text("".join(f"{key}\n" for key in mix_keys))
            return self.ask("open")

    def shared(self, memories, known, public):
        """{value: the memories that hold it, at least two and not all}, without what `known` or `public` has."""
        with self.filled(memory=memories, known=known, public={"all": public}):
            return self.ask("shared")
