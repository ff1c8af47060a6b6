#!/usr/bin/env python3
"""Checks the tree by script, not by review: rooms and their arrows, purity, namespaces, file and
function sizes, banned patterns, and references to documents, their sections and their rules.

Usage: .ci/check_tree.py [ROOT]      exit 0 and a line of counts, or 1 and a line per finding.
       .ci/check_tree.py --self-test shows that each rule can fail.
"""
import subprocess
import sys
from pathlib import Path

from tree.references import check_references
from tree.rooms import check_folders, check_includes, check_namespace, check_purity
from tree.self_test import self_test
from tree.sources import check_banned, check_names, check_sizes, sources


def check_root(root, findings):
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True).stdout
    allowed = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "relay", "sphinx",
               "client", "deploy", "tests", "docs"}
    for extra in sorted({n.split("/")[0] for n in listed.split()} - allowed):
        if not extra.startswith("."):
            findings.append(f"{extra}: not part of the tree's root")


def check(root):
    findings = []
    types = {}
    names = sources(root)
    for name in names:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
        for rule in (check_includes, check_purity, check_namespace, check_banned, check_sizes):
            rule(name, lines, findings)
        check_names(name, lines, types, findings)
        if name.endswith(".hpp") and "#pragma once" not in lines:
            findings.append(f"{name}: no #pragma once")
    check_folders(names, findings)
    check_references(root, findings)
    check_root(root, findings)
    return names, findings


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test(check)
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    names, findings = check(root)
    for finding in findings:
        print(finding)
    print(f"{len(names)} files checked")
    print(f"{1 if not findings else 0} passed, {len(findings)} failed")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
