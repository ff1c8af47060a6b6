"""The SOCKS5 port under bad input: rows 58 and 59 of the table of faults, over real sockets and a real network."""
import os
import socket
import struct
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

HELLO, CHOSEN = b"\x05\x01\x00", b"\x05\x00"
FAILURE, NOT_ALLOWED, UNREACHABLE, REFUSED = 1, 2, 4, 5
NO_COMMAND, NO_ADDRESS_TYPE = 7, 8
HTTP_PORT = 8000
RSS_SPREAD = 4 << 20
SETTLE_SECONDS_MAX = 20


def name_request(name, port=80, command=1, reserved=0):
    name = name if isinstance(name, bytes) else name.encode()
    return bytes([5, command, reserved, 3, len(name)]) + name + struct.pack("!H", port)


def address_request(family, text, port=80, command=1):
    kind = {socket.AF_INET: 1, socket.AF_INET6: 4}[family]
    return bytes([5, command, 0, kind]) + socket.inet_pton(family, text) + struct.pack("!H", port)


# On ports 80 and 443 the application is connected before the exit answers, so there is no code for these.
ANSWERED_BY_THE_EXIT = [
    ("unknown name", lambda port: name_request("no-such-name.test", port), UNREACHABLE),
    ("private address: refused by the exit", lambda port: address_request(socket.AF_INET, "10.0.0.1", port), NOT_ALLOWED),
    ("metadata service", lambda port: address_request(socket.AF_INET, "169.254.169.254", port), NOT_ALLOWED),
    ("mapped address", lambda port: address_request(socket.AF_INET6, "::ffff:10.0.0.1", port), NOT_ALLOWED),
]
REQUESTS = [
    ("BIND", name_request("example.com", command=2), NO_COMMAND),
    ("UDP ASSOCIATE with an unknown address type", b"\x05\x03\x00\x09", NO_ADDRESS_TYPE),
    ("RESOLVE of an unknown name", name_request("no-such-name.test", command=0xF0), UNREACHABLE),
    ("RESOLVE_PTR of a name", name_request("example.com", command=0xF1), FAILURE),
    ("RESOLVE_PTR of a private address", address_request(socket.AF_INET, "10.0.0.1", command=0xF1), NOT_ALLOWED),
    ("command 0", name_request("example.com", command=0), NO_COMMAND),
    ("address type 2", b"\x05\x01\x00\x02", NO_ADDRESS_TYPE),
    ("version 4 in the request", b"\x04\x01\x00\x03", FAILURE),
    ("reserved byte set", name_request("example.com", reserved=1), FAILURE),
    ("port 0", name_request("example.com", port=0), FAILURE),
    ("empty name", name_request(""), FAILURE),
    ("name of 255 bytes", name_request("a" * 255), FAILURE),
    ("label of 64 bytes", name_request("a" * 64 + ".com"), FAILURE),
    ("NUL in the name", name_request(b"exam\0ple.com"), FAILURE),
    ("line feed in the name", name_request("example.com\n"), FAILURE),
    ("space in the name", name_request("example .com"), FAILURE),
    ("UTF-8 in the name", name_request("ex\u00e4mple.com"), FAILURE),
    ("name that ends like a number", name_request("127.1"), FAILURE),
    ("name of an address as a number", name_request("2130706433"), FAILURE),
    ("IPv6 zone", name_request("fe80::1%eth0"), FAILURE),
    *((what, request(81), reply) for what, request, reply in ANSWERED_BY_THE_EXIT),
]
GREETINGS = [
    ("no methods", b"\x05\x00", b"\x05\xff"),
    ("GSSAPI only", b"\x05\x01\x01", b"\x05\xff"),
    ("SOCKS4", b"\x04\x01\x00\x50\x01\x02\x03\x04\x00", b"\x00\x5b" + bytes(6)),
    ("version 6", b"\x06\x01\x00", b""),
    ("TLS", b"\x16\x03\x01\x00\xa5\x01", b""),
    ("credentials of version 2", b"\x05\x01\x02\x02\x01a\x01b", b"\x05\x02\x01\x01"),
    ("a reserved user name", b"\x05\x01\x02\x01\x0a<nightjar1\x00", b"\x05\x02\x01\x01"),
]


class Socks(NetworkTest):
    def connect(self):
        host, port = self.net.socks.rsplit(":", 1)
        link = socket.create_connection((host, int(port)), 20)
        self.addCleanup(link.close)
        return link

    @staticmethod
    def rest(link):
        """Reads until the other side closes in an orderly way. A reset is an error."""
        answer = b""
        while piece := link.recv(4096):
            answer += piece
        return answer

    def open_stream(self, name="files.nightjar.test", port=HTTP_PORT):
        link = self.connect()
        link.sendall(HELLO + name_request(name, port))
        self.assertEqual(self.exactly(link, 12)[:4], CHOSEN + b"\x05\x00")
        return link

    @staticmethod
    def exactly(link, size):
        answer = b""
        while len(answer) < size and (piece := link.recv(size - len(answer))):
            answer += piece
        return answer

    # --- each malformed request gets its reply and an orderly close ---
    def test_greetings(self):
        for what, said, answer in GREETINGS:
            with self.subTest(what):
                link = self.connect()
                link.sendall(said)
                self.assertEqual(self.rest(link), answer)

    def test_a_browser_that_knocks_gets_no_answer(self):
        for said in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nOrigin: http://x\r\n\r\n"):
            link = self.connect()
            link.sendall(said)
            self.assertEqual(self.rest(link), b"")

    def test_requests(self):
        for what, request, reply in REQUESTS:
            with self.subTest(what):
                link = self.connect()
                link.sendall(HELLO)
                self.assertEqual(self.exactly(link, 2), CHOSEN)
                link.sendall(request)
                self.assertEqual(self.rest(link), bytes([5, reply, 0, 1]) + bytes(6))

    def test_on_the_ports_of_the_web_an_answer_of_the_exit_is_a_reset(self):
        for port in (80, 443):
            for what, request, _ in ANSWERED_BY_THE_EXIT:
                with self.subTest(what, port=port):
                    link = self.connect()
                    link.sendall(HELLO + request(port))
                    self.assertEqual(self.exactly(link, 12), CHOSEN + b"\x05\x00\x00\x01" + bytes(6))
                    with self.assertRaises(ConnectionResetError):
                        self.rest(link)

    def test_a_closed_port_is_refused(self):
        link = self.connect()
        link.sendall(HELLO + address_request(socket.AF_INET, self.net.outside, 9))
        self.assertEqual(self.rest(link), CHOSEN + bytes([5, REFUSED, 0, 1]) + bytes(6))

    def test_the_exits_own_ports_are_refused(self):
        for relay in self.net.gateways:
            if relay.name == self.net.ask_client()[0]["gateway"]:
                continue
            for port in (9001, 9464):
                with self.subTest(port=port):
                    link = self.connect()
                    link.sendall(HELLO + address_request(socket.AF_INET, relay.address, port))
                    self.assertEqual(self.rest(link), CHOSEN + bytes([5, NOT_ALLOWED, 0, 1]) + bytes(6))

    def test_a_request_in_single_bytes_and_all_at_once(self):
        request = HELLO + name_request("files.nightjar.test", HTTP_PORT) + b"GET /small/1 HTTP/1.0\r\n\r\n"
        for pieces in ([request], [request[i:i + 1] for i in range(len(request))]):
            with self.subTest(pieces=len(pieces)):
                link = self.connect()
                for piece in pieces:
                    link.sendall(piece)
                answer = self.rest(link)
                self.assertTrue(answer.startswith(CHOSEN + b"\x05\x00"), answer[:40])
                self.assertTrue(answer.endswith(b"small page 1\n"), answer[-40:])

    # --- half-closed and vanished applications ---
    def test_what_the_application_ends_the_target_sees_and_still_answers(self):
        link = self.open_stream()
        link.sendall(b"GET /small/2 HTTP/1.0\r\n\r\n")
        link.shutdown(socket.SHUT_WR)
        self.assertTrue(self.rest(link).endswith(b"small page 2\n"))

    def test_slow_and_vanished_applications_leave_nothing_behind(self):
        self.round_of_bad_applications()    # one-time allocations happen here
        before = self.costs()
        for _ in range(3):
            self.round_of_bad_applications()
        deadline = time.monotonic() + SETTLE_SECONDS_MAX    # until an exit has seen the last end
        while self.more_descriptors(before) and time.monotonic() < deadline:
            time.sleep(0.5)
        after = self.costs()
        print(f"measured: descriptors and memory before and after 3 rounds of bad applications: {before} {after}")
        self.assertEqual(self.more_descriptors(before), [])
        for name, (_, memory) in after.items():
            self.assertLess(memory, before[name][1] + RSS_SPREAD, name)

    def round_of_bad_applications(self):
        vanished = [self.connect() for _ in range(20)]                  # before any byte, or in the middle
        for number, link in enumerate(vanished):
            link.sendall((HELLO + name_request("files.nightjar.test", HTTP_PORT))[:number])
        asked = [self.connect() for _ in range(10)]                     # before the answer, with a reset
        for link in asked:
            link.sendall(HELLO + name_request("files.nightjar.test", HTTP_PORT))
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        slow = [self.open_stream() for _ in range(3)]                   # in the middle, with the rest unread
        for link in slow:
            link.sendall(b"GET /endless HTTP/1.0\r\n\r\n")
        time.sleep(2)
        for link in vanished + asked + slow:
            link.close()
        self.wait_until_idle()

    def wait_until_idle(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            status, _ = self.net.ask_client()
            if status["applications"] == 0 and sum(s["streams"] for s in status["sessions"]) == 0:
                time.sleep(2)   # the last packets reach the exit
                return
            time.sleep(0.2)
        self.fail(f"applications or streams stay open: {status}")

    def more_descriptors(self, before):
        """The processes that have more of them than before."""
        return [name for name, (descriptors, _) in self.costs().items() if descriptors > before[name][0]]

    def costs(self):
        """The numbers of descriptors and of anonymous resident bytes of each process of the network.

        A relay's replay filters are shared memory. They become resident page by page as packets arrive, and their size
        is bounded, so they do not count here.
        """
        found = {}
        for name, process in self.processes.running.items():
            if name == "services":
                continue
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                fields = dict(line.split(":", 1) for line in status)
            found[name] = (len(os.listdir(f"/proc/{process.pid}/fd")), int(fields["RssAnon"].split()[0]) << 10)
        return found


if __name__ == "__main__":
    unittest.main(verbosity=0)
