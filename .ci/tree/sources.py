"""Rules for each C++ or C file: its length, its functions, banned patterns, and one name for one type."""
import re
import subprocess

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
# Tables of cases and generated constants may be long; this list may only shrink.
LONG_FILES = set()
BANNED = [
    (re.compile(r"asio::detached\b"), "detached swallows exceptions: use node::TaskGroup"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "finish it, or say in docs/ what stays open"),
    (re.compile(r"\]\s*(\([^)]*\))?\s*->\s*(boost::)?(asio::)?awaitable<"),
     "a lambda coroutine loses its captures: make it a named function"),
    (re.compile(r"\bwhile \(.*\bco_await\b"),
     "g++ 12 miscompiles co_await in a loop's condition: await in the body"),
    (re.compile(r"\brand\(\)|std::mt19937|std::random_device"), "randomness is base::Random"),
]


def sources(root):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.hpp", "*.cpp", "*.h", "*.c"],
                            cwd=root, capture_output=True, text=True)
    names = listed.stdout.split() if listed.returncode == 0 else []
    if not names:
        names = [str(p.relative_to(root)) for p in root.rglob("*.[hc]*")
                 if p.suffix in (".hpp", ".cpp", ".h", ".c")]
    return [n for n in names if (root / n).is_file()]


def check_banned(name, lines, findings):
    for number, line in enumerate(lines, 1):
        for pattern, why in BANNED:
            if pattern.search(line):
                findings.append(f"{name}:{number}: {why}")


def without_literals(line):
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "''", line)
    return re.sub(r"//.*", "", line)


NOT_A_FUNCTION = re.compile(
    r"(namespace|class|struct|enum|union|extern|template.*(class|struct)|TEST_CASE|TEST_SUITE)")


def check_sizes(name, lines, findings):
    if len(lines) > FILE_LINES_MAX and name not in LONG_FILES and not name.startswith("tests/"):
        findings.append(f"{name}: {len(lines)} lines, at most {FILE_LINES_MAX}")
    if not name.endswith(".cpp"):
        return
    start = None
    for number, line in enumerate(lines, 1):
        code = without_literals(line).rstrip()
        # The layout is clang-format's: a function at namespace level starts unindented and ends
        # with an unindented brace.
        if start is None and re.match(r"\S", code) and not NOT_A_FUNCTION.match(code) \
                and "(" in code and not code.endswith(";") and not code.startswith(("#", "}")):
            start = number
        elif start is not None and re.match(r"\}", code):
            if number - start + 1 > FUNCTION_LINES_MAX:
                findings.append(f"{name}:{start}: a function of {number - start + 1} lines, "
                                f"at most {FUNCTION_LINES_MAX}")
            start = None
        elif start is not None and re.match(r"\S.*;$", code):
            start = None


TYPE = re.compile(r"(?:struct|class|union|enum class|enum)(?: alignas\([^)]*\)| \[\[\w+\]\])? (\w+)(?: final)?(?: :[^;]*)? ?\{")


def check_names(name, lines, types, findings):
    """One name, one type in all of a namespace: where two files each have their own, the linker
    keeps one of what both instantiate, and nothing says so (the one definition rule)."""
    namespaces = []
    for number, line in enumerate(lines, 1):
        opened = re.match(r"(?:inline )?namespace ?([\w:]*) ?\{", line)
        if opened:
            namespaces.append(opened.group(1))
        elif re.match(r"\}  // namespace", line) and namespaces:
            namespaces.pop()
        found = TYPE.match(line)
        if not found or "" in namespaces:
            continue
        full = "::".join([*namespaces, found.group(1)])
        first = types.setdefault(full, f"{name}:{number}")
        if not first.startswith(name + ":"):
            findings.append(f"{name}:{number}: {full} is another type in {first}")
