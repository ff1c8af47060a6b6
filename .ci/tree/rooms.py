"""The rooms: which folder may include which, which are pure, what a folder's namespace is."""
import re
from pathlib import Path

FORMATS = ["sphinx/base", "sphinx/crypto", "sphinx/packet", "sphinx/cell", "sphinx/directory",
           "sphinx/stream"]
NODE = ["sphinx/node/process", "sphinx/node/files", "sphinx/node/config", "sphinx/node/link",
        "sphinx/node/https", "sphinx/node/page", "sphinx/node/scrape"]
RELAY = ["relay/core", "relay/metrics", "relay/keys", "relay/io", "relay/operation", "relay/doctor"]
CLIENT = ["client/core", "client/protocol", "client/apps", "client/operation"]
# Room -> the rooms that its files may include; its own always. docs/architecture.md draws it.
ARROWS = {
    "sphinx/base": [],
    "sphinx/crypto": ["sphinx/base"],
    "sphinx/packet": ["sphinx/base", "sphinx/crypto"],
    "sphinx/library": ["sphinx/base", "sphinx/crypto", "sphinx/packet"],
    "sphinx/cell": ["sphinx/base"],
    "sphinx/directory": ["sphinx/base"],
    "sphinx/stream": ["sphinx/base"],
    "sphinx/node/process": ["sphinx/base", "sphinx/directory"],
    "sphinx/node/files": ["sphinx/base", "sphinx/node/process"],
    "sphinx/node/config": ["sphinx/base", "sphinx/directory", "sphinx/node/files", "sphinx/node/process"],
    "sphinx/node/link": ["sphinx/base", "sphinx/cell", "sphinx/node/process"],
    "sphinx/node/https": ["sphinx/base", "sphinx/directory", "sphinx/node/process", "sphinx/node/link"],
    "sphinx/node/page": [],
    "sphinx/node/scrape": ["sphinx/base", "sphinx/directory", "sphinx/node/process"],
    "relay/core": FORMATS,
    "relay/metrics": [*FORMATS, "relay/core"],
    "relay/keys": [*FORMATS, "sphinx/node/process", "sphinx/node/files", "relay/core"],
    "relay/io": [*FORMATS, "sphinx/node/process", "sphinx/node/link", "relay/core"],
    "relay/operation": [*FORMATS, "sphinx/node/process", "sphinx/node/files", "sphinx/node/config",
                        "sphinx/node/https", "sphinx/node/page", "sphinx/node/scrape", "relay/core", "relay/metrics",
                        "relay/keys"],
    "relay/doctor": [*FORMATS, *NODE, "relay/core", "relay/keys", "relay/io", "relay/operation"],
    "relay": [*FORMATS, *NODE, *RELAY],
    "relay/authority/core": FORMATS,
    "relay/authority": [*FORMATS, "sphinx/node/process", "sphinx/node/files", "sphinx/node/config",
                        "sphinx/node/link", "sphinx/node/https", "sphinx/node/page", "relay/authority/core"],
    "client/core": FORMATS,
    "client/protocol": [*FORMATS, "client/core"],
    "client/apps": [*FORMATS, "sphinx/node/process", "client/core", "client/protocol"],
    "client/operation": [*FORMATS, *NODE, "client/core", "client/protocol"],
    "client": [*FORMATS, *NODE, *CLIENT],
}
# Pure: no socket, no file, no clock, no log, in headers and sources alike. A pure room may include
# only pure rooms, so that nothing comes in by way of another.
PURE = {*FORMATS, "sphinx/library", "sphinx/node/page", "relay/core", "relay/metrics", "relay/authority/core",
        "client/core", "client/protocol"}
IMPURE_HEADER = re.compile(
    r"boost/(?!unordered/|circular_buffer\.hpp|heap/)|prometheus/|yaml-cpp/|sys/socket|spdlog|openssl/ssl|fstream"
    r"|filesystem")
CLOCK = re.compile(r"(steady_clock|system_clock)::now\(|\btime\(nullptr\)|clock_gettime")
PROMETHEUS = "relay/operation/metrics.cpp"
UNITS_MAX = 25


def room_of(name):
    """The room of a product file or include; None for other files and for system headers."""
    folder = str(Path(name).parent)
    return folder if folder in ARROWS else None


def namespace_of(room):
    return "nightjar::" + room.removeprefix("sphinx/").replace("/", "::")


def check_includes(name, lines, findings):
    room = room_of(name)
    if room is None:
        if name.split("/")[0] in ("sphinx", "relay", "client"):
            findings.append(f"{name}: {Path(name).parent} is no room of docs/architecture.md")
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
        if not match:
            continue
        path, where = match.group(1), f"{name}:{number}"
        target = room_of(path)
        if target and target != room and target not in ARROWS[room]:
            findings.append(f"{where}: {room} must not include {target}")
        if room in PURE and IMPURE_HEADER.match(path):
            findings.append(f"{where}: {room} is pure and must not include <{path}>")
        if path.startswith("prometheus/") and name != PROMETHEUS:
            findings.append(f"{where}: only {PROMETHEUS} includes prometheus")


def check_purity(name, lines, findings):
    if room_of(name) not in PURE:
        return
    for number, line in enumerate(lines, 1):
        if CLOCK.search(line):
            findings.append(f"{name}:{number}: time is an argument here, not read from a clock")


def is_within(namespace, room):
    """Whether a namespace is a room's own, or one inside it that is not another room's."""
    others = {namespace_of(other) for other in ARROWS if other != room}
    own = namespace_of(room)
    return namespace not in others and (namespace == own or namespace.startswith(own + "::"))


def check_namespace(name, lines, findings):
    """Folder = namespace. A program's main.cpp has none."""
    room = room_of(name)
    if room is None:
        return
    wanted = namespace_of(room)
    for number, line in enumerate(lines, 1):
        opened = re.match(r"(?:inline )?namespace (nightjar[\w:]*) ?\{", line)
        if opened and not is_within(opened.group(1), room):
            findings.append(f"{name}:{number}: this folder's namespace is {wanted}")


def check_folders(names, findings):
    """A folder holds at most UNITS_MAX units: a unit is a header, a source, or the two together."""
    units = {}
    for name in names:
        units.setdefault(str(Path(name).parent), set()).add(Path(name).stem)
    for folder, stems in sorted(units.items()):
        if len(stems) > UNITS_MAX:
            findings.append(f"{folder}: {len(stems)} units, at most {UNITS_MAX}")
