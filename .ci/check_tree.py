#!/usr/bin/env python3
"""Checks the tree by script, not by review: include arrows, file and function sizes, banned patterns,
and references to documents, their sections and their rules.

Usage: .ci/check_tree.py [ROOT]      exit 0 and a line of counts, or 1 and a line per finding.
       .ci/check_tree.py --self-test shows that each rule can fail.
"""
import bisect
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# folder -> folders that its files may include (its own always). docs/architecture.md draws it.
BELOW = ["sphinx/base", "sphinx/packet", "sphinx/cell", "sphinx/directory", "sphinx/stream"]
ARROWS = {
    "sphinx/base": [],
    "sphinx/packet": ["sphinx/base"],
    "sphinx/cell": ["sphinx/base"],
    "sphinx/directory": ["sphinx/base"],
    "sphinx/stream": ["sphinx/base"],
    "sphinx/node": BELOW,
    "relay": BELOW + ["sphinx/node"],
    "relay/authority": BELOW + ["sphinx/node"],
    "client": BELOW + ["sphinx/node"],
}
# Layers below node neither log, read clocks nor touch sockets. Boost's containers do not either.
NO_IO = r"boost/(?!unordered/|circular_buffer\.hpp)|prometheus/|yaml-cpp/|sys/socket|spdlog|openssl/ssl"
# What decides is pure: no Asio and no socket in these, header or source.
PURE = {
    "relay": ["pipeline", "mix_queue", "replay_filter", "keyring", "cover", "delivery", "mailbox",
              "ingress", "exit_sessions", "exit_policy", "reply_pace"],
    "client": ["core", "core_impl", "core_sessions", "core_streams", "traffic_law", "session",
               "session_plan", "surb_supply", "routes", "sealer", "socks5", "api_protocol", "document_fetch"],
}
CLOCK = re.compile(r"(steady_clock|system_clock)::now\(|\btime\(nullptr\)|clock_gettime")
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
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.hpp", "*.cpp"],
                            cwd=root, capture_output=True, text=True)
    names = listed.stdout.split() if listed.returncode == 0 else []
    if not names:
        names = [str(p.relative_to(root)) for p in root.rglob("*.[hc]pp")]
    return [n for n in names if (root / n).is_file()]


def folder_of(name):
    parent = str(Path(name).parent)
    while parent not in ARROWS and "/" in parent:
        parent = str(Path(parent).parent)
    return parent if parent in ARROWS else None


def check_includes(name, lines, findings):
    folder = folder_of(name)
    if folder is None:
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
        if not match:
            continue
        path, where = match.group(1), f"{name}:{number}"
        target = folder_of(path)
        if target and target != folder and target not in ARROWS[folder]:
            findings.append(f"{where}: {folder} must not include {target}")
        if folder in BELOW and re.match(NO_IO, path):
            findings.append(f"{where}: {folder} must not include <{path}>")
        if path.startswith("prometheus/") and name != "relay/metrics.cpp":
            findings.append(f"{where}: only relay/metrics.cpp includes prometheus")
        if Path(name).stem in PURE.get(folder, []) and re.match(NO_IO, path):
            findings.append(f"{where}: {Path(name).stem} decides, so it stays free of I/O")


def check_lines(name, lines, findings):
    folder = folder_of(name)
    pure = folder in BELOW or Path(name).stem in PURE.get(folder or "", [])
    for number, line in enumerate(lines, 1):
        if pure and CLOCK.search(line):
            findings.append(f"{name}:{number}: time is an argument here, not read from a clock")
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


def check_root(root, findings):
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True).stdout
    allowed = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "relay", "sphinx",
               "client", "deploy", "tests", "docs"}
    for extra in sorted({n.split("/")[0] for n in listed.split()} - allowed):
        if not extra.startswith("."):
            findings.append(f"{extra}: not part of the tree's root")


# --- references to documents ---

# A path below docs/, at the start of a word or behind a variable for the tree's root.
DOCUMENT = r"""(?:(?<![\w/.-])|(?<=["}]/))docs/[\w.*/-]*[\w*/]"""
SECTIONS = r"""[)`]*,? sections? (?P<sections>\d+(?:(?:,| and|, and| to) \d+)*)"""
RULE = r"""[)`]* (?P<rule>R\d+)\b"""
TITLE = r""",\ "(?P<title>[^"]+)\""""
IN_TEXT = re.compile(f"(?P<path>{DOCUMENT})(?:{SECTIONS}|{RULE}|{TITLE})?")
IN_MARKDOWN = re.compile(rf"\]\((?P<path>[^)\s]*)\)(?:{SECTIONS}|{RULE})?")
COMMENT = re.compile(r"\s*(///?|#|\*)?\s*")
FENCE = re.compile(r"\s*(```|~~~)")


def texts(root):
    """Every tracked text file, by name. Stored inputs of the fuzz targets are not ours to read."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"],
                            cwd=root, capture_output=True, text=True)
    names = [n for n in listed.stdout.split("\0") if n]
    if listed.returncode != 0:
        names = [str(p.relative_to(root)) for p in root.rglob("*")]
    found = {}
    for name in names:
        if name.startswith("tests/fuzz/corpus/") or not (root / name).is_file():
            continue
        try:
            found[name] = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


class Document:
    """What can be referred to in a Markdown text: anchors, numbered sections, titles, rules."""

    def __init__(self, text):
        self.anchors = set(re.findall(r'<a id="([^"]+)">', text))
        self.sections = set()
        self.titles = []
        self.rules = set(re.findall(r"\*\*(R\d+)\b", text))
        for line in without_fences(text):
            heading = re.match(r"#+ +(.*?)[ #]*$", line)
            if heading:
                self._add(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)))

    def _add(self, title):
        numbered = re.match(r"(\d+)\.? ", title)
        if numbered:
            self.sections.add(int(numbered.group(1)))
        self.titles.append(title.lower())
        # As GitHub makes anchors: of a second heading with the same text it is "text-1".
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        same = sum(1 for a in self.anchors if re.fullmatch(re.escape(slug) + r"(-\d+)?", a))
        self.anchors.add(slug if slug not in self.anchors else f"{slug}-{same}")


def without_fences(text):
    """The lines of a Markdown text; empty ones in place of fenced code."""
    fenced = False
    for line in text.split("\n"):
        if FENCE.match(line):
            fenced = not fenced
            yield ""
        else:
            yield "" if fenced else line


def joined(lines):
    """One line of text in place of many, so that a reference may be broken by a comment's line
    end, and where each of the lines begins in it."""
    whole, starts = "", []
    for line in lines:
        starts.append(len(whole))
        whole += line[COMMENT.match(line).end():].rstrip() + " "
    return whole, starts


def exists(root, path):
    if "*" in path:
        return any(root.glob(path))
    # A decision may be named by its number alone.
    return (root / path).exists() or (re.fullmatch(r"docs/decisions/\d{4}", path) is not None
                                      and any(root.glob(path + "-*.md")))


def wrong_part(match, document):
    """The section, rule or title of `document` that a reference names and that is not there."""
    parts = match.groupdict()
    if parts["sections"]:
        numbers = [int(n) for n in re.findall(r"\d+", parts["sections"])]
        missing = [n for n in numbers if n not in document.sections]
        return f"has no section {missing[0]}" if missing else None
    if parts["rule"]:
        return None if parts["rule"] in document.rules else f"has no rule {parts['rule']}"
    title = parts.get("title")
    if title and not any(title.lower() in known for known in document.titles):
        return f'has no heading "{title}"'
    return None


def check_references(root, findings):
    files = texts(root)
    documents = {n: Document(t) for n, t in files.items() if n.endswith(".md")}

    def look(name, lines, pattern, resolve):
        whole, starts = joined(lines)
        for match in pattern.finditer(whole):
            where = f"{name}:{bisect.bisect_right(starts, match.start('path'))}"
            target, anchor = resolve(match.group("path"))
            if target is None:
                continue
            if not exists(root, target):
                findings.append(f"{where}: {target} is not there")
            elif target in documents:
                wrong = wrong_part(match, documents[target])
                if wrong:
                    findings.append(f"{where}: {target} {wrong}")
                if anchor and anchor not in documents[target].anchors:
                    findings.append(f"{where}: {target} has no heading for #{anchor}")

    for name, text in files.items():
        look(name, text.split("\n"), IN_TEXT, lambda path: (path, None))
        if not name.endswith(".md"):
            continue

        def resolve(link, folder=Path(name).parent, own=name):
            if re.match(r"[a-z]+:", link):
                return None, None
            path, _, anchor = link.partition("#")
            if not path:
                return own, anchor
            target = (root / folder / path).resolve()
            if not target.is_relative_to(root.resolve()):
                return path, anchor
            return str(target.relative_to(root.resolve())), anchor

        look(name, without_fences(text), IN_MARKDOWN, resolve)


def check(root):
    findings = []
    types = {}
    names = sources(root)
    for name in names:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
        check_includes(name, lines, findings)
        check_lines(name, lines, findings)
        check_sizes(name, lines, findings)
        check_names(name, lines, types, findings)
        if name.endswith(".hpp") and "#pragma once" not in lines:
            findings.append(f"{name}: no #pragma once")
    check_references(root, findings)
    check_root(root, findings)
    return names, findings


def self_test():
    """Each rule must find the one file that breaks it, and nothing in a clean one."""
    cases = {
        "sphinx/packet/a.cpp": '#include "relay/x.hpp"\n',
        "client/b.cpp": '#include "relay/pipeline.hpp"\n',
        "sphinx/cell/c.cpp": "#include <boost/asio.hpp>\n",
        "relay/mix_queue.cpp": "#include <boost/asio.hpp>\n",
        "relay/cover.cpp": "auto t = std::chrono::steady_clock::now();\n",
        "relay/status.cpp": "#include <prometheus/registry.h>\n",
        "relay/d.cpp": "auto x = co_spawn(io, f(), asio::detached);\n",
        "relay/e.cpp": "int x;  // TO" + "DO later\n",
        "relay/f.cpp": "\n" * 401,
        "relay/g.cpp": "void f() {\n" + "    x();\n" * 80 + "}\n",
        "relay/h.hpp": "int x;\n",
        "relay/i.cpp": "    while (!co_await next()) count();\n",
    }
    clean = {"sphinx/packet/clean.hpp": '#pragma once\n#include "sphinx/base/bytes.hpp"\n',
             "relay/ingress.hpp": "#pragma once\n#include <boost/unordered/unordered_flat_map.hpp>\n",
             "relay/short.cpp": "void f();\nvoid g() {\n" + "    x();\n" * 60 + "}\n"}
    # Files that are each clean by themselves: a type of one name in two of them, and in two
    # namespaces or files' own.
    twice = {"client/one.cpp": "namespace a::b {\nstruct S final : T {\n};\n}  // namespace a::b\n",
             "client/two.cpp": "namespace a::b {\nclass S {\n};\n}  // namespace a::b\n"}
    apart = {**twice, "client/two.cpp": "namespace a::b {\nnamespace {\nstruct S {\n};\n"
                                        "}  // namespace\nstruct R {\n};\n}  // namespace a::b\n",
             "client/three.cpp": "namespace a {\nstruct S {\n};\n}  // namespace a\n"}
    # References: a page that has sections 1 and 2, rule R1 and an old anchor, and texts that cite it.
    doc = "docs" + "/"  # apart, for this file is checked too
    page = {f"{doc}page.md": "# Page\n## 1. One\n## 2. Two words\n- **R1. A rule.**\n"
                            "```\n## 3. Code\n```\n<a id=\"old\"></a>\n",
            f"{doc}decisions/0001-why.md": "# Why\n"}
    cited = [(f"// ({doc}page.md section 2)", f"// ({doc}page.md section 3)"),
             (f"// ({doc}page.md\n// section 2)", f"// ({doc}page.md\n// section 4)"),
             (f"// {doc}page.md sections 1 and 2", f"// {doc}page.md sections 1 and 3"),
             (f"// {doc}page.md R1", f"// {doc}page.md R2"),
             (f'// {doc}page.md, "Two words"', f'// {doc}page.md, "Three words"'),
             (f"// {doc}page.md and {doc}decisions/0001", f"// {doc}decisions/0002"),
             (f'// ROOT "/{doc}page.md"', f'// ROOT "/{doc}gone.md"'),
             (f"// {doc}page.md\n", f"//\n// here\n// {doc}gone.md\n"),
             ("// section 9 of another text", f"// {doc}gone.md")]
    linked = [("[a](page.md#2-two-words)", "[a](page.md#two-words)"),
              ("[a](page.md#old), [b](#b)\n# B", "[b](#c)\n# B"),
              ("# Same\n# Same\n[a](#same-1)", "# Same\n[a](#same-1)"),
              ("[a](page.md) section 1", "[a](page.md) section 3"),
              ("[a](decisions/0001-why.md), [b](../docs/)", "[a](0001-why.md)"),
              ("[a](https://example.org/docs/x.md#y)", "![a](page.svg)")]
    texts_of = [*(("client/j.cpp", pair) for pair in cited),
                *((f"{doc}k.md", pair) for pair in linked),
                *((name, (f"# {doc}page.md section 1\n", f"# {doc}page.md section 7\n"))
                  for name in ("CMakeLists.txt", "tests/l.py", "deploy/m"))]
    tried = [({name: text}, True) for name, text in cases.items()] + [(twice, True)]
    tried += [({**page, name: bad}, True) for name, (_, bad) in texts_of]
    count = len(tried)
    tried += [({name: text}, False) for name, text in clean.items()] + [(apart, False)]
    tried += [({**page, name: good}, False) for name, (good, _) in texts_of]
    for files, faulty in tried:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = check(Path(folder))[1]
            # Where the fault lies on a line of its own, the finding must name that line.
            named = "// here" not in "".join(files.values()) or f"{name}:3: " in "".join(found)
            if bool(found) != faulty or not named:
                print(f"self-test: {', '.join(files)}: {found or 'nothing found'}")
                return 1
    print(f"{count} passed, 0 failed")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    names, findings = check(root)
    for finding in findings:
        print(finding)
    print(f"{len(names)} files checked")
    print(f"{1 if not findings else 0} passed, {len(findings)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
