"""References to documents, their sections, rules and anchors: each must lead somewhere."""
import bisect
import re
import subprocess
from pathlib import Path

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
