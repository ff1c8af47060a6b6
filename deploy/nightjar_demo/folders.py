"""The folder of a run. It is in a tmpfs, because relays store epoch keys only in memory."""
import json
import os
import random
import shutil
import stat
import tempfile
from pathlib import Path

from .processes import start_time, stop_identities
from .progress import DemoError, say


def is_tmpfs(path):
    path = Path(path).resolve()
    best, kind = Path("/"), ""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, what = line.split()[:3]
        where = Path(where.replace("\\040", " "))
        if (where == path or where in path.parents) and len(where.parts) >= len(best.parts):
            best, kind = where, what
    return kind in ("tmpfs", "ramfs")


def base_folder():
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    if own.startswith("/") and os.path.isdir(own) and os.access(own, os.W_OK) and is_tmpfs(own):
        base = Path(own) / "nightjar-demo"
    elif is_tmpfs("/dev/shm"):
        base = Path("/dev/shm") / f"nightjar-demo-{os.getuid()}"
    else:
        raise DemoError("no tmpfs for the relays' keys: XDG_RUNTIME_DIR (if set) and /dev/shm must "
                        "be a writable tmpfs")
    try:
        base.mkdir(mode=0o700)
    except FileExistsError:
        pass
    facts = base.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise DemoError(f"{base} must be a directory that only this user can access; remove it")
    return base


class Run:
    """One run's folder and its own /24 network in 127.0.0.0/8, so that runs never collide."""

    def __init__(self):
        self.folder = new_folder()
        self.network = self.claim_addresses(self.folder.parent)
        self.note({"owner": [os.getpid(), start_time(os.getpid())]})

    def claim_addresses(self, base):
        for _ in range(1000):
            a, b = random.randrange(1, 255), random.randrange(1, 255)
            taken = base / f"net-{a}-{b}"
            try:
                taken.symlink_to(self.folder.name)
            except FileExistsError:
                continue
            self.claim = taken
            return f"127.{a}.{b}"
        raise DemoError(f"found no free 127.x.y.0/24 network in {base}; stop other demos with --stop")

    def note(self, facts):
        (self.folder / "run.json").write_text(json.dumps({"claim": self.claim.name, **facts}))

    def remove(self):
        remove_run(self.folder, self.claim.name)


def new_folder():
    """Makes a folder in the base. A run that ends removes the base if it was the last one there, at any moment here."""
    for _ in range(100):
        try:
            base = base_folder()
            sweep(base)
            return Path(tempfile.mkdtemp(prefix="run-", dir=base))
        except (FileNotFoundError, FileExistsError):
            continue
    raise DemoError("other runs keep removing the folder of all runs")


def remove_run(folder, claim):
    shutil.rmtree(folder, ignore_errors=True)
    (folder.parent / claim).unlink(missing_ok=True)
    remove_if_empty(folder.parent)  # only if this was the last run


def read_note(folder):
    try:
        return json.loads((folder / "run.json").read_text())
    except (OSError, ValueError):
        return None


def sweep(base):
    """Removes the folders of killed runs. Their processes ended together with them."""
    for folder in base.glob("run-*"):
        facts = read_note(folder)
        if facts is None or "kept" in facts:
            continue
        pid, began = facts["owner"]
        if start_time(pid) != began:
            remove_run(folder, facts["claim"])
    base.mkdir(mode=0o700, exist_ok=True)


def kept_runs(base):
    """Yields (folder, note) for each run that --keep left running."""
    for folder in sorted(base.glob("run-*")):
        facts = read_note(folder)
        if facts is not None and "kept" in facts:
            yield folder, facts


def refuse_second_keep():
    """Allows only one kept network: with a second one it would be unclear which one is in use."""
    base = base_folder()
    for _, facts in kept_runs(base):
        if any(start_time(pid) == began for _, pid, began in facts["kept"]):
            raise DemoError(f"a network is already running (SOCKS5 {facts['socks']}); "
                            "use it, or stop it with deploy/demo --stop")
    remove_if_empty(base)


def remove_if_empty(base):
    try:
        base.rmdir()
    except OSError:
        pass


def stop_kept():
    """--stop: stops the networks that --keep left running and removes their files."""
    stopped = 0
    base = base_folder()
    for folder, facts in kept_runs(base):
        names = stop_identities(facts["kept"])
        remove_run(folder, facts["claim"])
        say(f"stopped {len(names)} processes: {' '.join(names)}")
        stopped += 1
    if not stopped:
        say("nothing to stop: no demo was left running")
    remove_if_empty(base)
    return 0
