"""Every name that a Python program of this tree takes from another module of this tree must be there.

Some programs run seldom (tests/bench/soak, tests/packages). When a function moves, nothing else would show that they
name its old place. Reads the sources and runs none of them.
"""
import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def programs():
    """The Python files that git lists, those without an ending too."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"], check=True,
                            capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, listed):
        path = ROOT / name
        if not path.is_file():
            continue
        if path.suffix == ".py" or (not path.suffix and path.open("rb").readline().startswith(b"#!/usr/bin/env python3")):
            yield path


def module_name(path):
    """As an import would spell it: packages are named by their folder, all else stands alone."""
    if not (path.parent / "__init__.py").exists():
        return path.stem
    return path.parent.name if path.stem == "__init__" else f"{path.parent.name}.{path.stem}"


def names_in(tree):
    """What a module defines at its top level, in any branch. None: it takes all names of another."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            if any(alias.name == "*" for alias in node.names):
                return None
            found.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
    return found


def missing(path, tree, modules):
    """(line, what) of each name that is not there."""
    package = path.parent.name
    held = {}   # a name here: the module that it stands for
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            held.update({alias.asname or alias.name: alias.name for alias in node.names if alias.name in modules})
        elif isinstance(node, ast.ImportFrom):
            source = ".".join(filter(None, (package if node.level else None, node.module)))
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                if inner in modules:
                    held[alias.asname or alias.name] = inner
                elif modules.get(source) is not None and alias.name not in modules[source]:
                    yield node.lineno, f"{source} has no {alias.name}"
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    taken = {argument.arg for node in ast.walk(tree) if isinstance(node, ast.arguments)
             for argument in (*node.posonlyargs, *node.args, *node.kwonlyargs)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        name = node.value.id
        module = modules.get(held.get(name))
        if module is not None and name not in stored | taken and node.attr not in module and not node.attr.startswith("__"):
            yield node.lineno, f"{held[name]} has no {node.attr}"


def main():
    trees = {path: ast.parse(path.read_bytes(), str(path)) for path in programs()}
    modules = {module_name(path): names_in(tree) for path, tree in trees.items() if path.suffix == ".py"}
    faults = [f"{path.relative_to(ROOT)}:{line}: {what}" for path, tree in trees.items()
              for line, what in missing(path, tree, modules)]
    for fault in faults:
        print(fault)
    if len(trees) < 100:
        faults.append("")
        print(f"only {len(trees)} Python programs are found")
    print(f"{max(0, len(trees) - len(faults))} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
