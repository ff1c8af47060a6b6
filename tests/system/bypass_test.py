"""No traffic bypasses the network: checks which process connects to a target, and the client's sockets."""
import socket
import subprocess
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
import sockets  # noqa: E402

ANSWER = b"HTTP/1.0 200 OK\r\n\r\nfrom the target\n"
PATIENCE = 15
LOOKS = 5       # at the client's sockets, while its application has a connection to the target


class Target:
    """A server that notes the process from which each connection comes."""

    def __init__(self, address, pids):
        self.pids, self.owners = pids, []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, end = self.listener.accept()
            except OSError:
                return
            self.owners.append(sockets.owner(end, self.pids))
            # A silent peer gets no answer and does not delay other peers.
            threading.Thread(target=self.answer, args=(peer,), daemon=True).start()

    def answer(self, peer):
        with peer:
            peer.settimeout(PATIENCE)
            try:
                if peer.recv(4096) and self.may_answer.wait(PATIENCE):
                    peer.sendall(ANSWER)
            except OSError:
                pass

    def close(self):
        self.listener.close()


class Bypass(NetworkTest):
    def setUp(self):
        self.pids = {name: process.pid for name, process in self.processes.running.items()}
        self.own_gateway = self.net.ask_client()[0]["gateway"]
        self.target = Target(self.net.outside, self.pids)

    def tearDown(self):
        self.target.close()

    def get(self, host):
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", str(PATIENCE), "--proxy",
                               f"socks5h://{self.net.socks}", f"http://{host}:{self.target.port}/"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.stdout, "from the target\n", done.stderr)

    def test_only_the_exit_connects_to_the_target(self):
        """By address and by name: there is one connection, from an exit that is not our gateway."""
        for host in (self.net.outside, "files.nightjar.test"):
            with self.subTest(host=host):
                self.target.owners.clear()
                self.get(host)
                exits = {relay.name for relay in self.net.gateways} - {self.own_gateway}
                self.assertEqual(len(self.target.owners), 1, self.target.owners)
                self.assertIn(self.target.owners[0], exits)

    def test_the_client_speaks_to_its_gateway_and_its_applications_only(self):
        socks = self.net.socks.rsplit(":", 1)
        socks = (socks[0], int(socks[1]))
        gateway = self.net.relay(self.own_gateway).address
        self.target.may_answer.clear()      # the connection lasts for all these looks
        fetch = threading.Thread(target=self.get, args=(self.net.outside,))
        fetch.start()
        looks = 0
        while fetch.is_alive():
            own = sockets.inodes(self.pids["client"])
            others = [(mine, other) for mine, other, inode in sockets.connections()
                      if inode in own and mine != socks and other[0] != gateway]
            self.assertEqual(others, [])
            self.assertEqual([mine for mine, _, inode in sockets.connections("udp") if inode in own], [])
            if self.target.owners:
                looks += 1
            if looks == LOOKS:
                self.target.may_answer.set()
            fetch.join(0.02)
        self.assertGreaterEqual(looks, LOOKS)


if __name__ == "__main__":
    unittest.main(verbosity=0)
