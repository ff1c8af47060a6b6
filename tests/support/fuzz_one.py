"""Runs one fuzz target on its corpus, then for some seconds on new inputs.

    python3 tests/support/fuzz_one.py TARGET SECONDS

New inputs go to a temporary folder. Inputs are added to the corpus in the tree by hand only. A run
fails as well if no input reached one of the places that the target names (tests/fuzz/depth.hpp).
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    target, seconds = Path(sys.argv[1]), sys.argv[2]
    corpus = Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / target.name.removesuffix("_fuzz")
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run([target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                               f"-artifact_prefix={scratch}/", "-print_final_stats=1", scratch, corpus],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        runs = re.search(r"number_of_executed_units: *(\d+)", done.stdout)
        depths = re.findall(r"^depth: (\d+) (.*)$", done.stdout, re.M)
        missed = [what for times, what in depths if times == "0"]
        if done.returncode != 0:
            print(done.stdout[-6000:])
            for artifact in Path(scratch).glob("crash-*"):
                print(f"input: {artifact.read_bytes().hex()}")
        for what in missed:
            print(f"no input reached {what}")
        print(f"measured: {target.name}: {runs[1] if runs else '?'} inputs in {seconds} s; "
              f"{len(depths) - len(missed)} of {len(depths)} places reached")
        passed = done.returncode == 0 and runs is not None and depths and not missed
        print("1 passed, 0 failed" if passed else "0 passed, 1 failed")
        return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
