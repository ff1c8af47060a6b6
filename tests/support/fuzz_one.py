"""Runs one fuzz target on its corpus, then for some seconds on new inputs.

    python3 tests/support/fuzz_one.py TARGET SECONDS

New inputs go to a folder that is thrown away: the corpus in the tree grows by hand.
"""
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    target, seconds = Path(sys.argv[1]), sys.argv[2]
    corpus = Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / target.name.removesuffix("_fuzz")
    with tempfile.TemporaryDirectory() as scratch:
        folders = [scratch] + ([str(corpus)] if corpus.is_dir() else [])
        done = subprocess.run([target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                               f"-artifact_prefix={scratch}/", "-print_final_stats=1", *folders],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        runs = [line for line in done.stdout.splitlines() if "number_of_executed_units" in line]
        if done.returncode != 0:
            print(done.stdout[-6000:])
            for artifact in Path(scratch).glob("crash-*"):
                print(f"input: {artifact.read_bytes().hex()}")
        print(f"measured: {target.name}: {runs[0].split()[-1] if runs else '?'} inputs in {seconds} s")
        print("1 passed, 0 failed" if done.returncode == 0 and runs else "0 passed, 1 failed")
        return done.returncode


if __name__ == "__main__":
    sys.exit(main())
