#!/usr/bin/env python3
"""Checks that the build with ThreadSanitizer finds a race: PROGRAM has one. Run it by the suite `threads`.

    tests/system/threads/planted_race.py PROGRAM [ARGUMENT...]
"""
import subprocess
import sys

done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
found = done.returncode != 0 and "ThreadSanitizer: data race" in done.stdout
if not found:
    print(f"exit code {done.returncode}, and no data race was found:\n{done.stdout}")
print(f"{int(found)} passed, {int(not found)} failed")
sys.exit(0 if found else 1)
