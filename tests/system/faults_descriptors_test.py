"""A gateway without file descriptors: its users get a reply, its operator one line, and it recovers."""
import os
import resource
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from seizure import family_of  # noqa: E402
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.metrics import scrape  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

OVERLOADED = 230
LINE = "no file descriptors are left"
LOOK_SECONDS = 5 + 1  # a relay looks every 5 s
REPLY_SECONDS_MAX = 5
SETTLE_SECONDS = 4  # a descriptor that is freed later would serve one more connection
HTTP_PORT = 8000


class Descriptors(NetworkTest):
    def ask(self, host):
        """The reply to a CONNECT, and the seconds that it took."""
        address, port = self.net.socks.rsplit(":", 1)
        begun = time.monotonic()
        with socket.create_connection((address, int(port)), 30) as link:
            link.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host.encode()
                         + HTTP_PORT.to_bytes(2, "big"))
            answer = b""
            while len(answer) < 4 and (piece := link.recv(64)):
                answer += piece
        self.assertEqual(len(answer) >= 4, True, answer)
        return answer[3], time.monotonic() - begun

    def take_all(self, pid):
        """Leaves a process the descriptors that it has, and no further one. Undone at the end of the test."""
        taken = {int(number) for number in os.listdir(f"/proc/{pid}/fd")}
        lowest_free = next(number for number in range(len(taken) + 1) if number not in taken)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, before[1]))
        return lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    def lines(self):
        return [line for gateway in self.net.gateways
                for line in self.processes.log(gateway.name).read_text().splitlines() if LINE in line]

    def test_an_exit_without_descriptors(self):
        self.assertEqual(self.ask(NAME)[0], 0)
        self.assertEqual(self.lines(), [])
        time.sleep(SETTLE_SECONDS)
        # A name is looked up in a process of its own, with descriptors of its own.
        restore = [self.take_all(pid) for gateway in self.net.gateways
                   for pid in family_of(self.processes.running[gateway.name].pid)]
        try:
            for host in ("127.0.0.1", f"fresh.{NAME}", NAME) * 2:
                reply, seconds = self.ask(host)
                self.assertEqual(reply, OVERLOADED, host)
                self.assertLess(seconds, REPLY_SECONDS_MAX, host)
            deadline = time.monotonic() + 4 * LOOK_SECONDS
            while not self.lines():
                self.assertLess(time.monotonic(), deadline, "no line of the exit")
                time.sleep(0.2)
            self.ask(NAME)
            time.sleep(LOOK_SECONDS)
            self.assertEqual(len(self.lines()), 1, "one line, of the exit, and it is not repeated")
        finally:
            for undo in restore:
                undo()
        counted = sum(scrape(gateway)["no_descriptors"] for gateway in self.net.gateways)
        self.assertGreaterEqual(counted, 7)
        self.assertEqual(self.ask(NAME)[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=0)
