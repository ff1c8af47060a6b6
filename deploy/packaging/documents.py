#!/usr/bin/env python3
"""Makes the documents of the packages: deploy/packaging/documents.py OUT

writes OUT/PACKAGE/NAME.md: the pages of docs/ that this package's people need. A page that is installed links only to what is
installed beside it. Any other link becomes its text, and the place in the source.
"""
import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = {
    "nightjar-relay": ("operating.md", "runbook.md", "metrics.md", "disclosure.md", "SECURITY.md", "glossary.md", "changelog.md"),
    "nightjar-authority": ("network.md", "directory.md", "operating.md", "SECURITY.md", "glossary.md", "changelog.md"),
    "nightjar": ("client.md", "applications.md", "interface.md", "SECURITY.md", "glossary.md", "changelog.md"),
}
# Debian's own changelog has that name.
RENAMED = {"changelog.md": "changes.md"}
# What packages.cmake installs of deploy/, in the package nightjar-relay.
SHARED = "/usr/share/nightjar"
SHARED_PARTS = ("prometheus", "alertmanager", "grafana", "exit-notice.html")
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
IN_DEPLOY = re.compile(rf"`deploy/({'|'.join(map(re.escape, SHARED_PARTS))})([^`]*)`")


def shared(path):
    """Where a file of deploy/ is installed; None if it is not."""
    name = path.removeprefix("deploy/")
    return f"{SHARED}/{name}" if name != path and name.split("/")[0] in SHARED_PARTS else None


def rewritten(text, names):
    """A page of docs/ for a package that has the pages `names`."""
    def link(match):
        picture, shown, target = match.groups()
        if "://" in target or target.startswith(("#", "mailto:")):
            return match[0]
        path, mark, anchor = target.partition("#")
        if path in names:
            return f"[{shown}]({RENAMED.get(path, path)}{mark}{anchor})"
        in_source = os.path.normpath(f"docs/{path}")
        if place := shared(in_source):
            return f"`{place}`" if shown == in_source else f"{shown} (`{place}`)"
        return f"{'picture: ' if picture else ''}{shown} ({in_source} in the source)"
    # Code is no link: a fenced block stays as it is.
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [IN_DEPLOY.sub(rf"`{SHARED}/\1\2`", LINK.sub(link, part)) for part in parts[::2]]
    return "".join(parts)


def documents():
    """{package: {name: text}}."""
    return {package: {RENAMED.get(name, name): rewritten((ROOT / "docs" / name).read_text(), names) for name in names}
            for package, names in DOCUMENTS.items()}


def main():
    out = Path(sys.argv[1])
    for package, pages in documents().items():
        shutil.rmtree(out / package, ignore_errors=True)
        (out / package).mkdir(parents=True)
        for name, text in pages.items():
            (out / package / name).write_text(text)


if __name__ == "__main__":
    main()
