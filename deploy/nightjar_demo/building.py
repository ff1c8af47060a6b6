"""Builds programs by CMake, and says how far it is."""
import re
import subprocess
from pathlib import Path

from .progress import DemoError, stage

ROOT = Path(__file__).resolve().parent.parent.parent
NINJA_STEP = re.compile(r"\[(\d+)/(\d+)\] ")


def run_build(command, note):
    """Runs it, with a line for each tenth of ninja's "[7/143] Building …"."""
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
        except DemoError:   # we are to end
            running.terminate()
            raise
    if running.returncode != 0:
        raise DemoError(f"{' '.join(command)} failed:\n{said[-4000:]}")


def build(what, preset, targets):
    """The folder of the preset's build, with these targets up to date."""
    with stage(f"building {what} ({preset}; some minutes at first)") as note:
        run_build(["cmake", "--preset", preset], note)
        run_build(["cmake", "--build", f"build/{preset}", "--target", *targets], note)
    return ROOT / "build" / preset
