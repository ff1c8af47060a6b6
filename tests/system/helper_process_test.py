"""What reads the answers of name servers, and what connects to where a client says, reaches no key: both run in processes
that never had one.

The name server and the target are silent while the test looks, so the process with the socket is the one that reads the
answer, or connects. Its memory is searched for the relay's keys, as one would who has taken it over.
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

CONNECT, RESOLVE, GRANTED = 1, 0xF0, 0
HTTP_PORT = 8000
SYN_SENT = "02"
SECONDS_MAX = 60
FOUND_NO_NAMES = "this exit finds no names"
CONNECTS_NOWHERE = "this exit connects to no target"
NAMES, DIALS = "name", "dial"   # the kinds of helper


def until(what, found):
    """The first true value of found()."""
    end = time.monotonic() + SECONDS_MAX
    while not (value := found()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {SECONDS_MAX} s: {what}")
        time.sleep(0.05)
    return value


def child_of(pid, verb):
    """The one child of this process that was started as `verb`; None if it has none now."""
    children = []
    for child, parent in parents().items():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if parent == pid and Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[1:2] == [verb.encode()]:
                children.append(child)
    return children[0] if len(children) == 1 else None


def pair_of(relay, kind):
    """The keeper of this kind, and its helper; None for one that is not there."""
    keeper = child_of(relay, f"{kind}-keeper")
    return keeper, child_of(keeper, f"{kind}-helper") if keeper else None


class HelperProcess(NetworkTest):
    @classmethod
    def setUpClass(cls):
        if not may_read_memory():
            raise AssertionError("this test reads the memory of relays: run it as root")
        super().setUpClass()

    def ask(self, command, host, port=0):
        """The code in the answer to a request."""
        address, proxy = self.net.socks.rsplit(":", 1)
        with socket.create_connection((address, int(proxy)), SECONDS_MAX) as link:
            link.sendall(bytes([5, 1, 0, 5, command, 0, 3, len(host)]) + host.encode() + port.to_bytes(2, "big"))
            answer = b""
            while len(answer) < 4 and (piece := link.recv(64)):
                answer += piece
        return answer[3]

    def resolve(self, host):
        return self.ask(RESOLVE, host)

    def questions(self):
        """The inodes of all sockets that ask the network's name server."""
        raw = int.from_bytes(socket.inet_aton(self.net.outside), "little")
        peer = f"{raw:08X}:{DNS_PORT:04X}"
        rows = (line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:])
        return {f"socket:[{row[9]}]" for row in rows if row[2] == peer}

    def attempts(self):
        """The inodes of all sockets that wait for a silent target."""
        raw = int.from_bytes(socket.inet_aton(self.net.outside), "little")
        peer = f"{raw:08X}:{self.silent.getsockname()[1]:04X}"
        rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        return {f"socket:[{row[9]}]" for row in rows if row[2] == peer and row[3] == SYN_SENT and row[9] != "0"}

    def holder(self, sockets):
        """(process, relay) of one of these sockets; None if no gateway has one."""
        for relay in self.net.gateways:
            for pid in family_of(self.processes.running[relay.name].pid):
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    for number in os.listdir(f"/proc/{pid}/fd"):
                        with contextlib.suppress(FileNotFoundError):
                            if os.readlink(f"/proc/{pid}/fd/{number}") in sockets:
                                return pid, relay
        return None

    @contextlib.contextmanager
    def waiting_attempt(self):
        """Yields (process, relay, answers) of a connection that its target leaves waiting. `answers` gets the code."""
        answers = []
        with contextlib.ExitStack() as stack:
            self.silent = stack.enter_context(socket.socket())
            self.silent.bind((self.net.outside, 0))
            self.silent.listen(0)
            for _ in range(4):  # a backlog that is full: the kernel drops what comes
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(self.silent.getsockname())
            fillers = self.attempts()
            target = self.silent.getsockname()
            client = threading.Thread(target=lambda: answers.append(self.ask(CONNECT, *target)))
            client.start()
            yield (*until("an attempt", lambda: self.holder(self.attempts() - fillers)), answers)
            client.join()

    @contextlib.contextmanager
    def waiting_question(self):
        """Yields (process, relay) of a question that the name server leaves waiting."""
        services = self.processes.running["services"].pid
        os.kill(services, signal.SIGSTOP)
        client = threading.Thread(target=self.resolve, args=(f"{os.urandom(8).hex()}.{NAME}",))
        try:
            client.start()
            yield until("a question", lambda: self.holder(self.questions()))
        finally:
            os.kill(services, signal.SIGCONT)
            client.join()

    def secrets_of(self, relay):
        files = [relay.folder / "identity.key", relay.folder / "link.key", *sorted((relay.folder / "run").glob("*.key"))]
        return {file.name: bytes.fromhex(file.read_text().split()[-1]) for file in files}

    def check_holds_nothing(self, pid, relay):
        """It has none of the relay's keys and files, and is confined."""
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

    def status_says(self, relay, text):
        until("the status", lambda: text in self.net.call("nightjar-relay", "status", "--config", relay.config, "--json"))

    def check_lost_keeper(self, relay, kind, line, status):
        """Without its keeper a helper still works. The exit misses the keeper only when the helper ends as well."""
        keeper, helper = pair_of(self.processes.running[relay.name].pid, kind)
        os.kill(keeper, signal.SIGKILL)
        log = self.processes.log(relay.name)
        until("a line of the log", lambda: line in log.read_text())
        self.status_says(relay, status + ":true")
        os.kill(helper, signal.SIGKILL)
        self.status_says(relay, status + ":false")

    def test_1_no_key_is_reached_by_what_reads_answers(self):
        with self.waiting_question() as (pid, relay):
            self.check_holds_nothing(pid, relay)

    def test_2_no_key_is_reached_by_what_connects(self):
        with self.waiting_attempt() as (pid, relay, answers):
            self.assertEqual(pid, pair_of(self.processes.running[relay.name].pid, DIALS)[1])
            self.check_holds_nothing(pid, relay)
            # An attempt that is lost with its process is an error at once, and no other one is.
            self.assertEqual(answers, [])
            os.kill(pid, signal.SIGKILL)
            until("an answer", lambda: answers)
            self.assertNotEqual(answers, [GRANTED])
        running = self.processes.running[relay.name].pid
        until("a new process", lambda: pair_of(running, DIALS)[1] not in (None, pid))
        self.assertEqual(self.ask(CONNECT, NAME, HTTP_PORT), GRANTED)

    def test_3_the_process_is_replaced(self):
        with self.waiting_question() as (helper, relay):
            pid = self.processes.running[relay.name].pid
            self.assertEqual(pair_of(pid, NAMES)[1], helper)
            os.kill(helper, signal.SIGKILL)
            until("a new process", lambda: pair_of(pid, NAMES)[1] not in (None, helper))
        self.assertEqual(self.resolve(NAME), GRANTED)
        self.check_lost_keeper(relay, NAMES, FOUND_NO_NAMES, '"exit_finds_names"')
        self.check_lost_keeper(relay, DIALS, CONNECTS_NOWHERE, '"exit_connects"')

    def test_4_what_a_relay_started_ends_with_it(self):
        """Also if it had no time to say so. The last test: a gateway is gone then."""
        families = {relay.name: [one for kind in (NAMES, DIALS)
                                 for one in pair_of(self.processes.running[relay.name].pid, kind)]
                    for relay in self.net.gateways}
        name, family = next((name, family) for name, family in families.items() if None not in family)
        relay = self.processes.running.pop(name)
        relay.kill()
        relay.wait()
        until("the end of all", lambda: not set(family) & set(parents()))


if __name__ == "__main__":
    unittest.main(verbosity=0)
