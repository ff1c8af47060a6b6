"""What the programs write to their logs: no line for a packet, a connection or a client, and no address or name.
Two networks leave the same logs, apart from times: in one of them a user moves 1 MB each way, in the other one does nothing.
"""
import concurrent.futures
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import FILE_BYTES, NetworkTest  # noqa: E402
from nightjar_demo.metrics import scrape  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

PAGES = 6
PACKETS_LEAST = 300
SECONDS = 120       # for the megabytes
PEERS = 3           # for each relay, that connect and speak no TLS
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|::1\b")
HEX = re.compile(r"\b[0-9a-f]{16,}\b")
# The program's own port is the one address that a client prints, for its user.
READY = re.compile(r"^nightjar ready SOCKS5 127\.0\.0\.1:\d+$")
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ")


def without_times(lines):
    """{program: lines} without the times of the lines and the port that the client was given."""
    return {name: [re.sub(r"(?<=:)\d+$", "PORT", STAMP.sub("", line)) for line in of_one] for name, of_one in lines.items()}


class Network(NetworkTest):
    @classmethod
    def programs(cls):
        """Relays and client; services and curl are no part of the product."""
        return [relay.name for relay in cls.net.relays] + ["client"]

    @classmethod
    def lines(cls):
        return {name: cls.processes.log(name).read_text(errors="replace").splitlines() for name in cls.programs()}


class Idle(Network):
    """The same network once more; its user does nothing."""


class Logs(Network):
    def page(self, number):
        out = self.net.folder / f"page-{number}"
        self.curl.fetch(f"/small/{number}", 60, out)

    def use_the_network(self):
        """Pages through the exit, a name that does not exist, a refused port, and TCP peers that are no relay."""
        for number in range(PAGES):
            self.page(number)
        for target in (f"http://no-such-host.{NAME}/", f"http://{NAME}:1/"):
            refused = subprocess.run(["curl", "--silent", "--proxy", f"socks5h://{self.net.socks}", "--max-time", "20",
                                      target], stdin=subprocess.DEVNULL, capture_output=True)
            self.assertNotEqual(refused.returncode, 0, target)
        for relay in self.net.relays:
            for _ in range(PEERS):
                with socket.create_connection((relay.address, 9001), timeout=5) as peer:
                    peer.sendall(b"GET / HTTP/1.1\r\n\r\n")

    def test_1_traffic_and_connections_leave_no_line(self):
        self.page(0)
        before = self.lines()
        packets = {relay.name: scrape(relay)["packets_in"] for relay in self.net.relays}
        self.use_the_network()
        time.sleep(1)
        for relay in self.net.relays:
            passed = scrape(relay)["packets_in"] - packets[relay.name]
            self.assertGreater(passed, PACKETS_LEAST, f"{relay.name}: too little traffic to say anything")
        after = self.lines()
        for name in self.programs():
            self.assertEqual(after[name], before[name], f"{name} has written about its traffic")
            self.assertIn("ready", "\n".join(after[name]))

    def test_2_a_user_who_moves_a_megabyte_each_way_leaves_the_log_of_one_who_does_nothing(self):
        with concurrent.futures.ThreadPoolExecutor() as beside:
            moved = [beside.submit(self.curl.upload, self.file, self.digest, SECONDS),
                     beside.submit(self.curl.download, self.digest, SECONDS)]
            Idle.setUpClass()
            self.addCleanup(Idle.tearDownClass)
            self.assertEqual([one.result().size for one in moved], [FILE_BYTES, FILE_BYTES])
        idle = Idle.lines()
        self.assertEqual(without_times(self.lines()), without_times(idle))
        self.assertIn("ready", "\n".join(idle["client"]))
        # The control: one event at one relay of the idle network.
        Idle.processes.running[Idle.net.relays[0].name].send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while Idle.lines() == idle and time.monotonic() < end:
            time.sleep(0.1)
        self.assertNotEqual(without_times(self.lines()), without_times(Idle.lines()))

    def test_3_no_log_has_an_address_a_key_or_a_destination(self):
        self.page(PAGES)
        for relay in self.net.relays:
            self.assertEqual(self.processes.stop(relay.name), 0)
        self.assertEqual(self.processes.stop("client"), 0)
        for name, lines in self.lines().items():
            for line in lines:
                if name == "client" and READY.match(line):
                    continue
                self.assertIsNone(ADDRESS.search(line), f"{name}: {line}")
                self.assertIsNone(HEX.search(line), f"{name}: {line}")
                self.assertNotIn(NAME, line, name)


if __name__ == "__main__":
    unittest.main(verbosity=0)
