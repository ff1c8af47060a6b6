"""What reads the answers of name servers reaches no key: it runs in a process that never had one.

The name server is silent while the test looks, so the process with the socket of the question is the one that reads the
answer. Its memory is searched for the relay's keys, as one would who has taken it over.
"""
import contextlib
import os
import re
import signal
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from seizure import family_of, may_read_memory, parents, secrets_in  # noqa: E402
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.network import DNS_PORT  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

RESOLVE, GRANTED = 0xF0, 0
SECONDS_MAX = 60
FOUND_NO_NAMES = "this exit finds no names"


def until(what, found):
    """The first true value of found()."""
    end = time.monotonic() + SECONDS_MAX
    while not (value := found()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {SECONDS_MAX} s: {what}")
        time.sleep(0.05)
    return value


def child_of(pid):
    """The one child of this process; None if it has none now."""
    children = [child for child, parent in parents().items() if parent == pid]
    return children[0] if len(children) == 1 else None


class NameProcess(NetworkTest):
    @classmethod
    def setUpClass(cls):
        if not may_read_memory():
            raise AssertionError("this test reads the memory of relays: run it as root")
        super().setUpClass()

    def resolve(self, host):
        """The code in the answer to a RESOLVE."""
        address, port = self.net.socks.rsplit(":", 1)
        with socket.create_connection((address, int(port)), SECONDS_MAX) as link:
            link.sendall(bytes([5, 1, 0, 5, RESOLVE, 0, 3, len(host)]) + host.encode() + bytes(2))
            answer = b""
            while len(answer) < 4 and (piece := link.recv(64)):
                answer += piece
        return answer[3]

    def questions(self):
        """The inodes of all sockets that ask the network's name server."""
        raw = int.from_bytes(socket.inet_aton(self.net.outside), "little")
        peer = f"{raw:08X}:{DNS_PORT:04X}"
        rows = (line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:])
        return {f"socket:[{row[9]}]" for row in rows if row[2] == peer}

    def asking(self):
        """(process, relay) of a question that waits; None if there is none."""
        questions = self.questions()
        for relay in self.net.gateways:
            for pid in family_of(self.processes.running[relay.name].pid):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    for number in os.listdir(f"/proc/{pid}/fd"):
                        with contextlib.suppress(FileNotFoundError):
                            if os.readlink(f"/proc/{pid}/fd/{number}") in questions:
                                return pid, relay
        return None

    @contextlib.contextmanager
    def waiting_question(self):
        """Yields (process, relay) of a question that the name server leaves waiting."""
        services = self.processes.running["services"].pid
        os.kill(services, signal.SIGSTOP)
        client = threading.Thread(target=self.resolve, args=(f"{os.urandom(8).hex()}.{NAME}",))
        try:
            client.start()
            yield until("a question", self.asking)
        finally:
            os.kill(services, signal.SIGCONT)
            client.join()

    def secrets_of(self, relay):
        files = [relay.folder / "identity.key", relay.folder / "link.key", *sorted((relay.folder / "run").glob("*.key"))]
        return {file.name: bytes.fromhex(file.read_text().split()[-1]) for file in files}

    def test_no_key_is_reached_by_what_reads_answers(self):
        with self.waiting_question() as (pid, relay):
            secrets = self.secrets_of(relay)
            in_relay = {name for name, *_ in secrets_in(self.processes.running[relay.name].pid, secrets)}
            self.assertEqual(in_relay, set(secrets), "the search finds what is there")
            self.assertEqual({name for name, *_ in secrets_in(pid, secrets)}, set())
            for thread in os.listdir(f"/proc/{pid}/task"):
                lines = Path("/proc", str(pid), "task", thread, "status").read_text(encoding="ascii").splitlines()
                self.assertIn("NoNewPrivs:\t1", lines)
                self.assertIn("Seccomp:\t2", lines)
            held = {os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
            log = str(self.processes.log(relay.name))
            others = {one for one in held if not re.match(r"(socket|pipe|anon_inode):", one)} - {log, "/dev/null"}
            self.assertEqual(others, set(), "it holds no file of the relay")

    def test_the_process_is_replaced(self):
        with self.waiting_question() as (helper, relay):
            pid = self.processes.running[relay.name].pid
            keeper = child_of(pid)
            self.assertEqual(child_of(keeper), helper)
            os.kill(helper, signal.SIGKILL)
            new = until("a new process", lambda: child_of(keeper) not in (None, helper) and child_of(keeper))
        self.assertEqual(self.resolve(NAME), GRANTED)
        # Without its keeper it still works. What is not there any more is missed when it ends as well.
        os.kill(keeper, signal.SIGKILL)
        log = self.processes.log(relay.name)
        until("a line of the log", lambda: FOUND_NO_NAMES in log.read_text())
        self.assertEqual(self.resolve(NAME), GRANTED)
        os.kill(new, signal.SIGKILL)
        until("the status", lambda: '"exit_finds_names":false' in self.net.call(
            "nightjar-relay", "status", "--config", relay.config, "--json"))

    def test_what_a_relay_started_ends_with_it(self):
        """Also if it had no time to say so. The last test: a gateway is gone then."""
        families = {relay.name: [keeper, child_of(keeper)] for relay in self.net.gateways
                    if (keeper := child_of(self.processes.running[relay.name].pid))}
        name, family = families.popitem()
        self.assertNotIn(None, family)
        relay = self.processes.running.pop(name)
        relay.kill()
        relay.wait()
        until("the end of both", lambda: not set(family) & set(parents()))


if __name__ == "__main__":
    unittest.main(verbosity=0)
