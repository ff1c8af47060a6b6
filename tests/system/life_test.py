"""What happens to a client in a life: its gateway is away, a login page stands in for it, nothing answers, the machine is
suspended. The client names each state by an event and in `status`, recovers by itself, and never ends."""
import json
import os
import signal
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.network import LINK_PORT  # noqa: E402

NAMED_WITHIN = 60       # seconds: the client tries again after at most 10 s, and a handshake has a deadline
READY_WITHIN = 90
SUSPENDED = 12


class Impostor(threading.Thread):
    """Stands at the gateway's address. Says `words` to each that comes, or nothing at all."""

    def __init__(self, address, words):
        super().__init__(daemon=True)
        self.listener = socket.create_server((address, LINK_PORT), reuse_port=False)
        self.words, self.held = words, []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join()
        for link in self.held:
            link.close()

    def run(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.held.append(link)
            if self.words:
                link.recv(4096)
                link.sendall(self.words)
                link.close()


class Events(threading.Thread):
    """The states that the client reports."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(path)
        self.link.sendall(b'{"jsonrpc":"2.0","id":1,"method":"events"}\n')
        self.lines = self.link.makefile("r", encoding="ascii")
        self.answer = json.loads(self.lines.readline())
        self.seen = []

    def close(self):
        self.link.shutdown(socket.SHUT_RDWR)
        self.join()
        self.lines.close()
        self.link.close()

    def run(self):
        for line in self.lines:
            event = json.loads(line)
            self.seen.append(event["params"])


class Life(NetworkTest):
    def wait_for(self, seconds, what, holds):
        begun = time.monotonic()
        while not holds(status := self.net.ask_client()[0]):
            self.assertLess(time.monotonic(), begun + seconds, f"not {what}: {status['state']}, {status['problem']}")
            time.sleep(0.2)
        print(f"measured: {what} after {time.monotonic() - begun:.1f} s")

    def wait_named(self, name):
        """Until an event has named it too: a state of less than a second may have none."""
        def named(state):
            return (state["problem"] or {}).get("name") == name
        self.wait_for(NAMED_WITHIN, name, lambda status: named(status) and any(map(named, self.events.seen)))

    def test_each_state_has_its_name_and_the_client_recovers(self):
        own = self.net.relay(self.net.ask_client()[0]["gateway"])
        client = self.processes.running["client"]
        events = self.events = Events(str(self.net.folder / "client" / "control.sock"))
        self.addCleanup(events.close)
        self.assertEqual(events.answer, {"jsonrpc": "2.0", "id": 1, "result": {}})
        events.start()

        self.assertEqual(self.processes.stop(own.name), 0)
        self.wait_named("unreachable")
        with Impostor(own.address, b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n"):
            self.wait_named("captive-portal")
        with Impostor(own.address, b""):
            self.wait_named("no-answer")
        self.net.start_relay(own)
        self.wait_for(READY_WITHIN, "ready", lambda status: status["ready"])

        os.kill(client.pid, signal.SIGSTOP)
        time.sleep(SUSPENDED)
        os.kill(client.pid, signal.SIGCONT)
        self.wait_named("suspended")
        self.wait_for(READY_WITHIN, "ready", lambda status: status["ready"])
        self.assertIsNone(client.poll())

        self.assertEqual(events.seen[0]["state"], "ready")
        self.assertIn("offline", [event["state"] for event in events.seen])
        self.assertEqual([a for a, b in zip(events.seen, events.seen[1:]) if a == b][1:], [], "an event is a change")


if __name__ == "__main__":
    unittest.main(verbosity=0)
