"""Builds programs with CMake and reports the progress."""
import re
import subprocess
from pathlib import Path

from .progress import DemoError, stage

ROOT = Path(__file__).resolve().parent.parent.parent
NINJA_STEP = re.compile(r"\[(\d+)/(\d+)\] ")


def run_build(command, note):
    """Runs a command and prints a line for each tenth of ninja's steps ("[7/143] Building …")."""
    said, tenths = "", 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, text=True, errors="replace") as running:
        try:
            for line in running.stdout:
                said += line
                step = NINJA_STEP.match(line)
                if step and 10 * int(step[1]) // int(step[2]) > tenths:
                    tenths = 10 * int(step[1]) // int(step[2])
                    note(f"{step[1]} of {step[2]} steps")
        except DemoError:   # a signal asks the demo to end
            running.terminate()
            raise
    if running.returncode != 0:
        raise DemoError(f"{' '.join(command)} failed:\n{said[-4000:]}")


def build(what, preset, targets):
    """Builds the targets of a preset and returns its build folder."""
    with stage(f"building {what} (preset {preset}; the first build takes some minutes)") as note:
        run_build(["cmake", "--preset", preset], note)
        run_build(["cmake", "--build", f"build/{preset}", "--target", *targets], note)
    return ROOT / "build" / preset
