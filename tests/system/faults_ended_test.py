"""An exit or a client that ends: row 48 of the table of faults. What it cuts off must not look complete at either end."""
import signal
import socket
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

PORT = 8100
SECONDS = 30
QUESTION, ANSWER = b"q" * 5000, b"a" * 5000


def exactly(link, size):
    got = b""
    while len(got) < size:
        piece = link.recv(size - len(got))
        if not piece:
            raise AssertionError(f"an orderly end after {len(got)} of {size} bytes")
        got += piece
    return got


class Ended(NetworkTest):
    @classmethod
    def start(cls):
        super().start()
        cls.listener = socket.create_server((cls.net.outside, PORT))
        cls.listener.settimeout(SECONDS)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.listener.close()

    def stream(self):
        """An application and its target, in the middle of a conversation."""
        host, port = self.net.socks.rsplit(":", 1)
        application = socket.create_connection((host, int(port)), SECONDS)
        self.addCleanup(application.close)
        application.sendall(b"\x05\x01\x00" + b"\x05\x01\x00\x01" + socket.inet_aton(self.net.outside) +
                            struct.pack("!H", PORT))
        self.assertEqual(exactly(application, 4), b"\x05\x00\x05\x00")
        exactly(application, 8)
        target, _ = self.listener.accept()
        self.addCleanup(target.close)
        target.settimeout(SECONDS)
        application.sendall(QUESTION)
        self.assertEqual(exactly(target, len(QUESTION)), QUESTION)
        target.sendall(ANSWER)
        self.assertEqual(exactly(application, len(ANSWER)), ANSWER)
        return application, target

    def end(self, name, number):
        process = self.processes.running.pop(name)
        process.send_signal(number)
        return process

    def exit_that_ends_by(self, number):
        own = self.net.ask_client()[0]["gateway"]
        exits = [relay for relay in self.net.gateways if relay.name != own]
        _, target = self.stream()
        ended = [self.end(relay.name, number) for relay in exits]
        with self.assertRaises(ConnectionResetError):
            target.recv(1)
        for process in ended:
            process.wait()
        for relay in exits:
            self.net.start_relay(relay)
            self.net.wait_active(relay)
        self.processes.stop("client")   # it would wait for its sessions at the old exit
        self.net.run_client()

    def client_that_ends_by(self, number):
        application, _ = self.stream()
        ended = self.end("client", number)
        with self.assertRaises(ConnectionResetError):
            application.recv(1)
        ended.wait()
        self.net.run_client()

    def test_a_target_sees_a_reset_when_the_exit_is_killed(self):
        self.exit_that_ends_by(signal.SIGKILL)

    def test_a_target_sees_a_reset_when_the_exit_stops(self):
        self.exit_that_ends_by(signal.SIGTERM)

    def test_an_application_sees_a_reset_when_the_client_is_killed(self):
        self.client_that_ends_by(signal.SIGKILL)

    def test_an_application_sees_a_reset_when_the_client_stops(self):
        self.client_that_ends_by(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main(verbosity=0)
