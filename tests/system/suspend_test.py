"""An exit that has forgotten a session says so: after a suspend of the client, and after the exit's restart.

The kernel stops the client's process (SIGSTOP), which stands for a suspend of its machine. A connection that was open must
then go on or end. It must not hang.
"""
import os
import signal
import socket
import struct
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

CLIENTS = 3
SUSPENDED = 20      # seconds; an exit keeps the session, frozen
PATIENCE = 15       # seconds


class EchoServer(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        with connection:
            try:
                while piece := connection.recv(1000):
                    connection.sendall(piece)
            except OSError:
                pass    # the exit has reset it


class Suspend(NetworkTest):
    @classmethod
    def start(cls):
        super().start()
        cls.echo = EchoServer()
        cls.echo.start()

    @classmethod
    def tearDownClass(cls):
        cls.echo.listener.close()
        super().tearDownClass()

    def start_client(self, name):
        folder = self.net.folder / name
        self.net.call("nightjar", "init", "--network", self.net.folder / "network.yaml", "--dir", folder,
                      "--listen", "127.0.0.1:0")
        line = self.processes.start(name, [self.net.program("nightjar"), "run", "--config", folder / "client.yaml"],
                                    "nightjar ready SOCKS5", 60)
        return line.split()[-1]

    def connect(self, socks):
        host, port = socks.rsplit(":", 1)
        link = socket.create_connection((host, int(port)), 20)
        link.sendall(b"\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01" + struct.pack("!H", self.echo.port))
        answer = b""
        while len(answer) < 12:
            piece = link.recv(12 - len(answer))
            if not piece:
                raise OSError("the proxy closed the connection")
            answer += piece
        self.assertEqual(answer[3], 0)
        return link

    @staticmethod
    def say(link):
        """Sends a byte. Returns what comes of it."""
        link.settimeout(PATIENCE)
        try:
            link.sendall(b"x")
            return "echo" if link.recv(1) else "end"
        except socket.timeout:
            return "hangs"
        except ConnectionError:
            return "reset"

    def suspend_once(self, name, socks, found):
        begun = time.monotonic()
        with self.connect(socks) as link:
            pid = self.processes.running[name].pid
            os.kill(pid, signal.SIGSTOP)
            stopped_after = time.monotonic() - begun
            time.sleep(SUSPENDED)
            os.kill(pid, signal.SIGCONT)
            woken = time.monotonic()
            found[name] = self.say(link)
            print(f"measured: {name} stopped {stopped_after:.1f} s after ready: {found[name]} "
                  f"after {time.monotonic() - woken:.1f} s")
        with self.connect(socks) as link:
            found[name] += ", then " + self.say(link)

    def test_a_suspend_in_the_first_seconds_leaves_no_connection_hanging(self):
        found = {}
        threads = []
        for i in range(CLIENTS):
            # From this thread: the client's process ends with the thread that started it.
            socks = self.start_client(f"client-{i}")
            threads.append(threading.Thread(target=self.suspend_once, args=(f"client-{i}", socks, found)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(found), CLIENTS)
        for name, outcome in found.items():
            self.assertIn(outcome, ("echo, then echo", "reset, then echo"), name)

    def test_a_restart_of_the_exit_leaves_no_connection_hanging(self):
        with self.connect(self.net.socks) as link:
            self.assertEqual(self.say(link), "echo")
            status, _ = self.net.ask_client()
            exit_name = status["sessions"][0]["exit"]
            process = self.processes.running.pop(exit_name)
            process.kill()
            process.wait()
            self.net.start_relay(self.net.relay(exit_name))
            begun = time.monotonic()
            outcome = self.say(link)
            print(f"measured: exit restarted: {outcome} after {time.monotonic() - begun:.1f} s")
            self.assertIn(outcome, ("echo", "reset"))


if __name__ == "__main__":
    unittest.main(verbosity=0)
