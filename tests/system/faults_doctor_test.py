"""`nightjar-relay doctor` finds each fault, by real conditions: modes, limits, a full and a read-only file system, a name
server that lies. Where the mend is a command, the test runs it, and the fault is gone.

`run` meets the same faults: it refuses with one line that names the file and the mend. Rows 49 and 50 of the table of
faults, and what a container gets wrong.
"""
import os
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from clock_authority import Authority  # noqa: E402
from offline import FAILURE, KEY, NOT_READY, OK, RELAY, OfflineNetwork, own_mounts  # noqa: E402
from schemas import fitting  # noqa: E402


class LyingServer:
    """A name server on loopback that has an address for every name."""
    def __init__(self, host):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.address = f"{host}:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(2000)
            if query == b"end":
                return
            end = query.index(b"\0", 12) + 5
            self.socket.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:end] +
                               b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("203.0.113.66"), peer)

    def close(self):
        self.socket.sendto(b"end", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


class Faults(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.host = f"{self.claim.network}.200"     # of this test's servers: no other test takes their ports
        self.sign()
        self.sign_changed(lambda facts: facts.replace("parameter.lab 0", "parameter.lab 1"))

    def doctor(self, before=(), config=None, **options):
        """The findings by name, and the exit code."""
        done = subprocess.run([*before, RELAY, "doctor", "--json", "--config", config or self.config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, **options)
        self.assertEqual(done.stderr, "")
        answer = fitting("doctor", done.stdout)
        self.assertEqual(done.returncode, FAILURE if answer["health"] == "bad" else OK)
        return {finding["name"]: finding for finding in answer["findings"]}

    def finds(self, name, health, *words, **options):
        finding = self.doctor(**options)[name]
        self.assertEqual(finding["health"], health, finding)
        for word in words:
            self.assertIn(word, f"{finding['seen']}; {finding['mend']}")
        return finding

    def mends(self, finding, **options):
        """Runs the mend as it stands."""
        subprocess.run(["sh", "-ec", finding["mend"]], check=True)
        self.finds(finding["name"], "ok", **options)

    # --- before anything is wrong ---
    def test_a_relay_that_does_not_run_has_no_bad_finding(self):
        found = self.doctor()
        self.assertEqual([finding for finding in found.values() if finding["health"] == "bad"], [])
        self.assertEqual(found["check"]["health"], "ok")
        self.assertEqual(found["relay"]["health"], "warn")
        self.assertEqual(found["reachable"]["health"], "warn")

    def test_the_page_of_a_relay_that_does_not_run_says_so(self):
        page = self.folder / "page.html"
        page.write_text("active")
        self.refuses(NOT_READY, "no relay answers", arguments=["status", "--html", page, "--config", self.config])
        self.assertIn("not running", page.read_text())

    def test_the_doctor_changes_nothing(self):
        def state():
            return {path: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in self.folder.rglob("*")}
        before = state()
        self.doctor()
        self.assertEqual(state(), before)

    # --- modes ---
    def test_a_key_that_others_may_read(self):
        os.chmod(self.relays / "mix" / "identity.key", 0o644)
        self.mends(self.finds("keys", "bad", "identity.key"))

    def test_a_runtime_directory_that_others_may_enter(self):
        os.chmod(self.relays / "mix" / "run", 0o755)
        self.mends(self.finds("runtime_dir", "bad", "accessible to others"))
        os.chmod(self.relays / "mix" / "run", 0o750)
        self.refuses(KEY, "chmod 700")

    def test_a_configuration_that_others_may_change(self):
        os.chmod(self.config, 0o666)
        os.chmod(self.folder / "network.yaml", 0o664)
        self.mends(self.finds("modes", "bad", "relay.yaml", "network.yaml"))

    def test_a_bad_configuration_and_no_document(self):
        (self.folder / "document").unlink()
        self.finds("check", "bad", "document", "get the signed one")
        self.edited(lambda text: text + "colour: red\n")
        found = self.doctor()
        self.assertIn("colour", found["check"]["seen"])
        self.assertIn("swap", found)    # what needs no configuration is still looked at

    # --- limits ---
    def test_row_50_too_few_descriptors_of_a_relay_that_runs(self):
        config = self.relays / "gate" / "relay.yaml"
        few = ["prlimit", "--nofile=512:512"]
        self.finds("descriptors", "bad", "512", "LimitNOFILE=65536", before=few, config=config)
        process = subprocess.Popen([*few, RELAY, "run", "--config", config], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.running.append(process)
        for line in process.stdout:
            if "ready" in line:
                break
        # The doctor itself may open more; the relay's own limit counts.
        self.finds("descriptors", "bad", "may open 512 files", config=config)
        found = self.doctor(config=config)
        self.assertEqual(found["relay"]["health"], "ok", found["relay"])
        self.assertEqual(found["reachable"]["health"], "bad", found["reachable"])
        self.stop(process)

    # --- file systems ---
    def run_refuses(self, before, *words):
        done = subprocess.run([*before, RELAY, "run", "--config", self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual(done.returncode, FAILURE, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_row_49_a_full_disk(self):
        data = self.relays / "mix"
        full = own_mounts(f"cp -a {data} {self.folder}/copy; mount -t tmpfs -o size=1m,mode=700 none {data}; "
                          f"mkdir {data}/run; mount -t tmpfs -o mode=700 none {data}/run; "
                          f"cp -a {self.folder}/copy/. {data}; cat /dev/zero >{data}/filler 2>/dev/null || true; "
                          f"rm -rf {self.folder}/copy")
        self.finds("disk", "bad", str(data), "full", before=full)
        self.run_refuses(full, f"{data}/descriptor: No space left on device; delete what is not needed")

    def test_row_49_a_read_only_root(self):
        data = self.relays / "mix"
        frozen = own_mounts(f"mount --bind {data} {data}; mount -t tmpfs -o mode=700 none {data}/run; "
                            f"mount -o remount,bind,ro {data}")
        self.finds("disk", "bad", str(data), "read-only", "volume", before=frozen)
        self.run_refuses(frozen, f"{data}/descriptor: Read-only file system; mount", "volume")

    def test_row_49_a_full_runtime_directory(self):
        run = self.relays / "mix" / "run"
        full = own_mounts(f"mount -t tmpfs -o size=1m,mode=700 none {run}; "
                          f"cat /dev/zero >{run}/filler 2>/dev/null || true")
        self.finds("runtime_space", "bad", str(run), "full", "mount a tmpfs", before=full)
        self.run_refuses(full, str(run), "No space left on device")

    def test_a_container_without_a_tmpfs(self):
        """The flag in the mend is what docker and podman need."""
        disk = Path(__file__).parent / "on-a-disk"
        self.edited(lambda text: text.replace(str(self.relays / "mix" / "run"), str(disk)))
        flag = f"--tmpfs {disk}:mode=0700,uid={os.geteuid()}"
        self.finds("runtime_dir", "bad", str(disk), flag)
        self.refuses(KEY, "tmpfs", flag)
        self.assertFalse(disk.exists())

    # --- the clock ---
    def test_a_clock_that_the_authority_contradicts(self):
        anchors = self.folder / "network.yaml"
        before = anchors.read_text()
        for off, health, word in ((0, "ok", "within 2.0 s"), (12, "warn", "s behind the authority's"),
                                  (-12, "warn", "s ahead of the authority's"), (90, "bad", "timedatectl")):
            with self.subTest(off=off):
                authority = Authority(self.folder, self.host, off)
                anchors.write_text(before + authority.lines)
                try:
                    self.finds("clock", health, word)
                finally:
                    authority.close()
        self.finds("clock", "warn", "cannot connect")   # the last one is gone

    def test_one_of_three_authorities_with_a_wrong_clock(self):
        """The median is believed and the outlier is named. With two answers either may be wrong."""
        authorities = [Authority(self.folder / name, self.host, off) for name, off in (("a", 3000), ("b", 0), ("c", 0))]
        try:
            with open(self.folder / "network.yaml", "a", encoding="utf-8") as anchors:
                anchors.write("services:\n" + "".join(authority.service for authority in authorities))
            wrong = f"{self.host}:{authorities[0].server_port}"
            self.finds("clock", "warn", "within 2.0 s of the median of the clocks of 3 of 3 authorities; not as the others: "
                       + wrong)
            authorities.pop().close()
            self.finds("clock", "warn", "2 of 3 authorities; the two differ: " + wrong)
            authorities.pop().close()
            self.finds("clock", "bad", f"behind the clock of {wrong}, the only one of 3 authorities that answered")
        finally:
            for authority in authorities:
                authority.close()

    def test_an_authority_with_another_key_is_not_believed(self):
        authority = Authority(self.folder, self.host, 90)
        self.addCleanup(authority.close)
        key = authority.lines.split()[-1]
        other = ("0" if key[0] != "0" else "1") + key[1:]
        with open(self.folder / "network.yaml", "a", encoding="utf-8") as anchors:
            anchors.write(authority.lines.replace(key, other))
        self.finds("clock", "warn", "no authority answered", "does not prove that it has the key")

    # --- names ---
    def test_a_name_server_that_lies(self):
        server = LyingServer(self.host)
        self.addCleanup(server.close)
        config = self.relays / "gate" / "relay.yaml"
        self.edited(lambda text: text.replace("dns: {servers: []}", f'dns: {{servers: ["{server.address}"]}}'), config)
        self.finds("dns_hijack", "bad", server.address, ".invalid", "unbound", config=config)
        self.finds("dns", "ok", config=config)


if __name__ == "__main__":
    unittest.main(verbosity=0)
