#!/usr/bin/env python3
"""A machine of its own for a test: Debian in a folder, started by systemd-nspawn with systemd as its first process.

    tests/packages/container.py bookworm|trixie COMMAND…      runs a command in that release, on a copy of this tree
The copy stays in build/containers, so the next command finds what this one has built.
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "build/containers"
MIRROR = "http://deb.debian.org/debian"
BOOT_SECONDS = 60
LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
IN_IT = ("systemd", "systemd-sysv", "ca-certificates", "curl", "python3", "iproute2", "procps", "man-db")


def base(suite):
    """The folder of a fresh Debian, made once for each suite."""
    made = FOLDER / f"{suite}-base"
    if not made.exists():
        part = FOLDER / f"{suite}-part"
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(IN_IT)}", suite, part, MIRROR],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"debootstrap failed:\n{done.stdout[-2000:]}")
        part.rename(made)
    return made


def copied(suite, name):
    """A folder of its own with that Debian in it, and the host's resolver."""
    root = FOLDER / f"{suite}-{name}"
    subprocess.run(["cp", "-a", "--reflink=auto", base(suite), root], check=True)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    return root


class Container:
    def __init__(self, suite):
        self.root = copied(suite, os.getpid())
        self.log = open(FOLDER / f"{suite}.log", "w", encoding="utf-8")
        # nspawn keeps Landlock from its containers unless it is named.
        self.process = subprocess.Popen(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot",
                                         "--resolv-conf=off", f"--system-call-filter={' '.join(LANDLOCK)}", "-D", self.root],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        self.first = self._first()
        self._wait_booted()

    def _first(self):
        """The container's first process, by its number on this machine."""
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            for child in children:
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
            time.sleep(0.1)
        raise RuntimeError("the container does not start; its output is in build/containers")

    def _wait_booted(self):
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline:
            state = self.call("systemctl is-system-running")[1].strip()
            if state in ("running", "degraded"):
                return
            time.sleep(0.5)
        raise RuntimeError(f"the container's systemd is still {state}")

    def call(self, command, seconds=300):
        """Runs a line of shell in it, as root. Exit code and output."""
        done = subprocess.run(["nsenter", "--target", str(self.first), "--mount", "--uts", "--ipc", "--pid", "env", "-i",
                               "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                               "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "bash", "-c", f"cd /root && {command}"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=seconds)
        return done.returncode, done.stdout

    def run(self, command, seconds=300):
        """The same; a failure is an error. The output."""
        code, said = self.call(command, seconds)
        if code != 0:
            raise AssertionError(f"{command}: exit code {code}\n{said[-3000:]}")
        return said

    def remove(self):
        self.process.terminate()   # nspawn asks its systemd to shut down
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)


def run_on_a_copy(suite, command):
    """Runs a command in a release of Debian, as root and without systemd, in a copy of this tree. Its exit code."""
    root = FOLDER / f"{suite}-tree"
    if not root.exists():
        copied(suite, "tree-part").rename(root)
    tree = root / "usr/src/nightjar"
    # Times are kept and build/ stays, so what has not changed is not built again.
    subprocess.run(["rsync", "-a", "--delete", "--exclude=/.git", "--filter=:- .gitignore", f"{ROOT}/", f"{tree}/"], check=True)
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    return subprocess.run(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--as-pid2", "--pipe", "--resolv-conf=off",
                           "-D", root, "--chdir=/usr/src/nightjar", f"--setenv=SOURCE_DATE_EPOCH={epoch}", *command],
                          stdin=subprocess.DEVNULL).returncode


if __name__ == "__main__":
    sys.exit(run_on_a_copy(sys.argv[1], sys.argv[2:]))
