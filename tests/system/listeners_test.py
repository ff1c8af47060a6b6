"""A client with several listeners: unix sockets, users kept apart, extended errors."""
import os
import socket
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.services import small_page_text  # noqa: E402

LISTENERS = """listeners:
  - proxy: 127.0.0.1:0
  - {proxy: "unix:{folder}/own.sock", extended_errors: true}
  - {proxy: "unix:{folder}/all.sock", users: all}
"""
STRANGER = 65534    # a user who is not the client's own


class Listeners(NetworkTest):
    @classmethod
    def start(cls):
        cls.public = Path(tempfile.mkdtemp(dir="/dev/shm"))
        cls.public.chmod(0o755)
        init = cls.net.make_client

        def with_listeners():
            init()
            text = cls.net.client_config.read_text()
            line = next(line for line in text.splitlines() if line.startswith("listen:"))
            cls.net.client_config.write_text(text.replace(line + "\n", LISTENERS.replace("{folder}", str(cls.public))))
        cls.net.make_client = with_listeners
        super().start()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.public.rmdir()      # the client has removed its sockets

    def path(self, name):
        return str(self.public / name)

    def page(self, *more, user=None, code=0):
        done = subprocess.run(["curl", "-sS", "-m", "60", *more, self.net.url + "/small/1"], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, user=user)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def keys(self):
        return self.net.ask_client()[0]["isolation_keys"]

    def ask(self, name, host, port):
        """The reply to a CONNECT over a unix socket."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(self.path(name))
            link.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2, "big"))
            self.assertEqual(link.recv(2, socket.MSG_WAITALL), b"\x05\x00")
            return link.recv(10, socket.MSG_WAITALL)[1]

    def test_curl_over_a_unix_socket(self):
        for name in ("own.sock", "all.sock"):
            self.assertEqual(self.page("--proxy", f"socks5h://localhost{self.path(name)}"), small_page_text(1))

    def test_who_may_connect(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path("own.sock")).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("all.sock")).st_mode), 0o666)

    def test_another_user_has_a_session_of_its_own(self):
        if os.geteuid() != 0:
            print("skipped: only root can be two users")
            self.skipTest("only root can be two users")
        before = self.keys()
        self.page("--proxy", f"socks5h://localhost{self.path('all.sock')}")
        self.assertEqual(self.keys(), before)
        for _ in range(2):
            page = self.page("--proxy", f"socks5h://localhost{self.path('all.sock')}", user=STRANGER)
            self.assertEqual(page, small_page_text(1))
        self.assertEqual(self.keys(), before + 1)
        self.page("--proxy", f"socks5h://localhost{self.path('own.sock')}", user=STRANGER, code=7)

    def test_extended_errors_where_they_are_asked_for(self):
        self.assertEqual(self.ask("own.sock", "no-such-name.test", 8000), 0xE3)
        self.assertEqual(self.ask("all.sock", "no-such-name.test", 8000), 4)

    def test_a_unix_socket_has_no_address_for_datagrams(self):
        """So UDP ASSOCIATE is refused there."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(self.path("own.sock"))
            link.sendall(b"\x05\x01\x00\x05\x03\x00\x01" + bytes(6))
            self.assertEqual(link.recv(2, socket.MSG_WAITALL), b"\x05\x00")
            self.assertEqual(link.recv(10, socket.MSG_WAITALL)[1], 7)

    def test_the_end_of_a_unix_connection(self):
        """Bytes before an orderly end arrive, in both directions."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(60)
            link.connect(self.path("own.sock"))
            host, port = self.net.url.removeprefix("http://").split(":")
            link.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
            self.assertEqual(link.recv(100), b"HTTP/1.1 200 Connected\r\n\r\n")
            link.sendall(f"GET /file HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            link.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := link.recv(65536):
                answer += piece
        self.assertTrue(answer.endswith(self.file.read_bytes()[-1000:]))


if __name__ == "__main__":
    unittest.main(verbosity=0)
