"""Lookups over the SOCKS5 port (RESOLVE, RESOLVE_PTR, UDP ASSOCIATE), by raw bytes and by the real torsocks."""
import contextlib
import socket
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

RESOLVE, RESOLVE_PTR = 0xF0, 0xF1
UNREACHABLE, NOT_ALLOWED, OVERLOADED = 4, 2, 230
TO_DNS = b"\0\0\0\1\x09\x09\x09\x09\0\x35"     # any name server, port 53
ASSOCIATIONS = 64


def question(name, ident):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


class Lookups(NetworkTest):
    def ask(self, command, kind, value):
        """The whole reply: the connection ends behind it."""
        host, port = self.net.socks.rsplit(":", 1)
        with socket.create_connection((host, int(port)), 20) as link:
            link.sendall(bytes([5, 1, 0, 5, command, 0, kind]) + value + bytes(2))
            self.assertEqual(link.recv(2, socket.MSG_WAITALL), b"\x05\x00")
            link.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := link.recv(4096):
                answer += piece
        return answer

    def named(self, name):
        return bytes([len(name)]) + name.encode()

    def test_a_name_has_an_address(self):
        address = socket.inet_aton(self.net.outside)
        self.assertEqual(self.ask(RESOLVE, 3, self.named(NAME)), b"\x05\x00\x00\x01" + address + bytes(2))
        self.assertEqual(self.ask(RESOLVE, 1, address), b"\x05\x00\x00\x01" + address + bytes(2))
        self.assertEqual(self.ask(RESOLVE, 3, self.named("no-such-name.test"))[1], UNREACHABLE)

    def test_an_address_has_a_name(self):
        address = socket.inet_aton(self.net.outside)
        self.assertEqual(self.ask(RESOLVE_PTR, 1, address), b"\x05\x00\x00\x03" + self.named(NAME) + bytes(2))
        self.assertEqual(self.ask(RESOLVE_PTR, 1, socket.inet_aton("127.1.2.3"))[1], UNREACHABLE)
        self.assertEqual(self.ask(RESOLVE_PTR, 1, socket.inet_aton("10.0.0.1"))[1], NOT_ALLOWED)

    def associate(self, named=0):
        """(the TCP connection, the reply)"""
        host, port = self.net.socks.rsplit(":", 1)
        link = socket.create_connection((host, int(port)), 20)
        self.addCleanup(link.close)
        link.sendall(b"\x05\x01\0\x05\x03\0\x01" + bytes(4) + struct.pack("!H", named))
        self.assertEqual(link.recv(2, socket.MSG_WAITALL), b"\x05\0")
        return link, link.recv(10, socket.MSG_WAITALL)

    def udp(self, reply):
        self.assertEqual(reply[:8], b"\x05\0\0\x01" + socket.inet_aton(self.net.socks.rsplit(":", 1)[0]))
        udp = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(udp.close)
        udp.settimeout(20)
        udp.connect((socket.inet_ntoa(reply[4:8]), int.from_bytes(reply[8:], "big")))
        return udp

    def test_an_association_answers_questions_and_drops_the_rest(self):
        link, reply = self.associate()
        udp = self.udp(reply)
        for dropped in (b"", b"\0\0\0", TO_DNS, TO_DNS[:9] + b"\x50" + question(NAME, 1), b"\0\0\1" + TO_DNS[3:] + question(NAME, 2),
                        TO_DNS + question(NAME, 3)[:11], question(NAME, 4)):
            udp.send(dropped)
        udp.send(TO_DNS + question(NAME, 7))
        answer = udp.recv(2000)
        self.assertEqual(answer[:12], TO_DNS + b"\0\x07")
        self.assertTrue(answer.endswith(socket.inet_aton(self.net.outside)), answer)
        udp.send(TO_DNS + question("no-such-name.test", 8))
        answer = udp.recv(2000)
        self.assertEqual((answer[:12], answer[13] & 15), (TO_DNS + b"\0\x08", 3))
        other = self.udp(reply)     # another port: another program
        other.send(TO_DNS + question(NAME, 9))
        other.settimeout(2)
        with self.assertRaises(TimeoutError):
            other.recv(2000)
        link.close()                # with the connection the association ends
        udp.settimeout(1)
        with self.assertRaises(ConnectionRefusedError):
            for _ in range(20):
                udp.send(TO_DNS + question(NAME, 10))
                with contextlib.suppress(TimeoutError):     # the association ended with this question
                    udp.recv(2000)

    def test_an_association_serves_the_port_that_was_named_though_another_asks_first(self):
        own = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(own.close)
        own.bind((self.net.socks.rsplit(":", 1)[0], 0))
        own.settimeout(20)
        _, reply = self.associate(own.getsockname()[1])
        other = self.udp(reply)     # of another user, as far as the client can know
        other.send(TO_DNS + question(NAME, 1))
        other.settimeout(2)
        with self.assertRaises(TimeoutError):
            other.recv(2000)
        own.connect(other.getpeername())
        own.send(TO_DNS + question(NAME, 2))
        self.assertEqual(own.recv(2000)[:12], TO_DNS + b"\0\x02")

    def test_associations_are_bounded(self):
        held = [self.associate() for _ in range(ASSOCIATIONS)]
        self.assertEqual({reply[1] for _, reply in held}, {0})
        self.assertEqual(self.associate()[1][1], OVERLOADED)
        self.assertEqual(self.ask(RESOLVE, 3, self.named(NAME))[1], 0)     # others are served

    def torsocks(self, *code):
        host, port = self.net.socks.rsplit(":", 1)
        done = subprocess.run(["torsocks", "-a", host, "-P", port, sys.executable, "-c", "; ".join(code)],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_torsocks_resolves(self):
        """As the programs behind it do: by the C library's old and new calls."""
        self.assertEqual(self.torsocks("import socket", f"print(socket.gethostbyname({NAME!r}))"), self.net.outside)
        found = self.torsocks("import socket", f"print(socket.getaddrinfo({NAME!r}, 80)[0][4][0])")
        self.assertEqual(found, self.net.outside)
        name = self.torsocks("import socket", f"print(socket.gethostbyaddr({self.net.outside!r})[0])")
        self.assertEqual(name, NAME)


if __name__ == "__main__":
    unittest.main(verbosity=0)
