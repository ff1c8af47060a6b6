"""Lookups over the SOCKS5 port (RESOLVE, RESOLVE_PTR), by raw bytes and by the real torsocks."""
import socket
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

RESOLVE, RESOLVE_PTR = 0xF0, 0xF1
UNREACHABLE, NOT_ALLOWED = 4, 2


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
