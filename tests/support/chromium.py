"""Headless Chromium for tests. It asks nothing but this machine's loopback addresses: no name is looked up."""
import shutil
import subprocess
import tempfile

SECONDS = 60
COMMAND = ["chromium", "--headless=new", "--disable-gpu", "--no-first-run", "--no-sandbox", "--window-size=1100,1600",
           "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.*", "--disable-background-networking",
           "--disable-component-update", "--disable-sync"]


def run(*options):
    """Runs it once, with a profile of its own. What it prints."""
    profile = tempfile.mkdtemp(prefix="nightjar-test-")
    try:
        done = subprocess.run([*COMMAND, f"--user-data-dir={profile}", *map(str, options)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=SECONDS)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout
    finally:
        shutil.rmtree(profile, ignore_errors=True)
