"""What a seizure takes from processes that this test has started, and the search in it.

The memory of a process is read from /proc/PID/mem: all that a core would have, and the mapped files as well. This
needs root or CAP_SYS_PTRACE, because the relays make themselves undumpable.
"""
import contextlib
import re
import socket
from dataclasses import dataclass
from pathlib import Path


def may_read_memory():
    """True if this user may read the memory of an undumpable process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16) >> 19 & 1 == 1     # CAP_SYS_PTRACE
    return False


def parents():
    """{process: its parent} of all that run, without the dead."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(stat.parent.name)] = int(parent)
    return found


def family_of(pid):
    """The process, and all that it has started: an exit's names are looked up in a process of its own."""
    above, family = parents(), [pid]
    for one in family:
        family += [child for child, parent in above.items() if parent == one]
    return family


@dataclass
class Region:
    """A mapping of a process. `flags`: the kernel's VmFlags, such as "lo" (locked) and "dd" (not in a dump)."""
    begin: int
    end: int
    rights: str
    name: str
    is_file: bool
    flags: tuple = ()

    def holds_data(self):
        """The rest is code and constants of programs, and pages that guard others."""
        return "w" in self.rights or ("r" in self.rights and not self.is_file and not self.name.startswith("[v"))


def regions_of(pid):
    """All mappings of the process."""
    regions = []
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if head := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+) *(.*)", line):
            begin, end, rights, inode, name = head.groups()
            regions.append(Region(int(begin, 16), int(end, 16), rights, name, inode != "0"))
        elif line.startswith("VmFlags:"):
            regions[-1].flags = tuple(line.split()[1:])
    return regions


def bytes_of(memory, region):
    """What the region holds. It may have become shorter since its bounds were read."""
    content = bytearray()
    memory.seek(region.begin)
    while len(content) < region.end - region.begin:
        try:
            piece = memory.read(region.end - region.begin - len(content))
        except OSError:
            break
        if not piece:
            break
        content += piece
    return bytes(content)


def memory_of(pid):
    """Yields (name of the region, its bytes) for all that the process has written, and its mapped files."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for region in regions_of(pid):
            if region.holds_data():
                yield region.name or f"anonymous {region.begin:x}-{region.end:x}", bytes_of(memory, region)


def secrets_in(pid, secrets):
    """Yields (name, address, region) for each place that holds a secret's bytes, or its digits as in a file."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for region in regions_of(pid):
            if "r" not in region.rights or region.name == "[vvar]":
                continue
            content = bytes_of(memory, region)
            for name, secret in secrets.items():
                for form in (secret, secret.hex().encode()):
                    at = content.find(form)
                    while at >= 0:
                        yield name, region.begin + at, region
                        at = content.find(form, at + 1)


def files_below(folder):
    """Yields (path, bytes) for each regular file."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield str(file), file.read_bytes()


def address_patterns(address, port):
    """An IPv4 address as text, in a socket address with this port, and as the programs store it."""
    raw = socket.inet_aton(address)
    return [re.escape(address.encode()), re.escape(port.to_bytes(2, "big") + raw), re.escape(raw + bytes(12)),
            re.escape(b"\xff\xff" + raw)]


class Search:
    """Looks for known traces. A trace has a kind, such as "marker", and patterns, which are regular expressions."""

    def __init__(self):
        self.patterns = {}

    def add(self, kind, *patterns):
        self.patterns.setdefault(kind, []).extend(patterns)

    def kinds(self):
        return set(self.patterns)

    def in_bytes(self, content):
        """Yields (kind, offset) for each trace."""
        for kind, patterns in self.patterns.items():
            for found in re.finditer(b"(?i:" + b"|".join(patterns) + b")" if kind == "name" else b"|".join(patterns),
                                     content, re.DOTALL):
                yield kind, found.start()

    def in_places(self, places):
        """Returns {kind: [place and context]}."""
        found = {}
        for place, content in places:
            for kind, offset in self.in_bytes(content):
                context = content[max(0, offset - 24):offset + 40]
                found.setdefault(kind, []).append(f"{place}+{offset:#x}: {context!r}")
        return found
