"""The DNS listener, by real resolvers and by raw bytes."""
import socket
import struct
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

A, PTR, MX, AAAA = 1, 12, 15, 28
NO_SUCH_NAME, NOT_IMPLEMENTED = 3, 4


def question(name, kind, ident=0x1234):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


class Dns(NetworkTest):
    @classmethod
    def start(cls):
        cls.listener = (f"{cls.net.address}.200", 5300)     # an address of this test alone
        init = cls.net.make_client

        def with_dns():
            init()
            text = cls.net.client_config.read_text()
            line = next(line for line in text.splitlines() if line.startswith("listen:"))
            cls.net.client_config.write_text(text.replace(
                line, f'listeners: [{{proxy: "127.0.0.1:0"}}, {{dns: "{cls.listener[0]}:{cls.listener[1]}"}}]'))
        cls.net.make_client = with_dns
        super().start()

    def dig(self, *arguments):
        host, port = self.listener
        done = subprocess.run(["dig", f"@{host}", "-p", str(port), "+tries=1", "+time=20", *arguments],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def udp(self):
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.settimeout(20)
        link.connect(self.listener)
        self.addCleanup(link.close)
        return link

    def code(self, said):
        link = self.udp()
        link.send(said)
        answer = link.recv(600)
        self.assertEqual(answer[:2], said[:2])
        return answer[3] & 15

    def test_dig(self):
        for transport in ("+notcp", "+tcp"):
            self.assertEqual(self.dig("+short", transport, NAME, "A").strip(), self.net.outside)
            self.assertEqual(self.dig("+short", transport, "-x", self.net.outside).strip(), NAME + ".")
        self.assertEqual(self.dig("+short", NAME, "AAAA").strip(), "")
        self.assertIn("status: NOERROR", self.dig(NAME, "AAAA"))
        self.assertIn("status: NXDOMAIN", self.dig("no-such-name.test", "A"))
        self.assertIn("status: NOTIMP", self.dig(NAME, "MX"))

    def test_bad_questions(self):
        self.assertEqual(self.code(question("localhost", A)), 0)   # a lab network may be asked
        self.assertEqual(self.code(question("not a host", A)), NO_SUCH_NAME)
        self.assertEqual(self.code(question(NAME, MX)), NOT_IMPLEMENTED)
        link = self.udp()
        link.settimeout(0.5)
        for silent in (b"", b"\0", question(NAME, A)[:11], b"\x12\x34\x81\0" + question(NAME, A)[4:]):
            link.send(silent)
            with self.assertRaises(TimeoutError):
                link.recv(600)

    def test_a_flood_is_bounded_and_others_are_answered(self):
        link = self.udp()
        for number in range(2000):
            link.send(question(f"n{number}.no-such-name.test", A, number))
        self.assertEqual(self.dig("+short", NAME, "A").strip(), self.net.outside)
        others = [self.udp() for _ in range(100)]
        for number, other in enumerate(others):
            other.send(question(f"m{number}.no-such-name.test", A, number))
        most, deadline = 0, time.monotonic() + 10
        while most <= 16:
            self.assertLess(time.monotonic(), deadline)
            most = max(most, self.streams())
        self.assertLessEqual(most, 64)
        deadline = time.monotonic() + 60
        while self.streams():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.5)

    def streams(self):
        return sum(session["streams"] for session in self.net.ask_client()[0]["sessions"])

    def test_slow_and_greedy_connections(self):
        held = [socket.create_connection(self.listener, 20) for _ in range(40)]
        for link in held:
            self.addCleanup(link.close)
        held[0].sendall(b"\0")
        begun = time.monotonic()
        held[1].sendall(b"\xff\xff")                                # longer than any question
        self.assertEqual(held[1].recv(1), b"")
        self.assertLess(time.monotonic() - begun, 5)
        held[0].settimeout(20)
        self.assertEqual(held[0].recv(1), b"")                      # 10 s of silence
        self.assertEqual(self.dig("+short", NAME, "A").strip(), self.net.outside)


if __name__ == "__main__":
    unittest.main(verbosity=0)
