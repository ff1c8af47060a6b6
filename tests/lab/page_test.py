#!/usr/bin/python3
"""Tests the laboratory's page: every plot can be drawn from the experiments' results.

    /usr/bin/python3 tests/lab/page_test.py FOLDER      the folder of their *.jsonl files
"""
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    lines = [line for file in sorted(Path(sys.argv[1]).glob("*.jsonl")) for line in file.read_text().splitlines()]
    sys.path.insert(0, str(HERE))
    sys.dont_write_bytecode = True
    from draw import PLOTS
    names = [name for name, *_ in PLOTS]
    if len(names) != len(set(names)):
        raise SystemExit("two plots have one name, so one of them is lost")
    with tempfile.TemporaryDirectory(prefix="nightjar-page-") as folder:
        rows, out = Path(folder) / "all.jsonl", Path(folder) / "out"
        rows.write_text("\n".join(lines) + "\n")
        subprocess.run([sys.executable, "-B", HERE / "draw.py", rows, "--out", out], check=True)
        page = (out / "lab.html").read_text()
        missing = [name for name, *_ in PLOTS
                   if f'src="{name}.svg"' not in page or (out / f"{name}.svg").stat().st_size < 5000]
        verdicts = (out / "verdicts.md").read_text().count("| passed |")
    if not verdicts:
        missing.append("the verdicts")
    for name in missing:
        print(f"not drawn: {name}")
    print(f"{len(PLOTS) + 1 - len(missing)} passed, {len(missing)} failed")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
