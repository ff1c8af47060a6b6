"""What a seizure takes from processes that this test has started, and the search in it.

The memory of a process is read from /proc/PID/mem: all that a core would have, and the mapped files as well. This
needs root or CAP_SYS_PTRACE, because the relays make themselves undumpable.
"""
import re
import socket
from pathlib import Path


def may_read_memory():
    """True if this user may read the memory of an undumpable process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16) >> 19 & 1 == 1     # CAP_SYS_PTRACE
    return False


def memory_of(pid):
    """Yields (name of the region, its bytes) for all that the process may write, and its mapped files."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            region, rights, _, _, inode, *name = line.split(maxsplit=5)
            # What cannot be written is the program's own code and constants.
            if "w" not in rights or name == ["[vvar]"]:
                continue
            begin, end = (int(number, 16) for number in region.split("-"))
            content = bytearray()
            memory.seek(begin)
            while len(content) < end - begin:
                piece = memory.read(end - begin - len(content))
                if not piece:
                    break
                content += piece
            yield " ".join(name) or f"anonymous {region}", bytes(content)


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
