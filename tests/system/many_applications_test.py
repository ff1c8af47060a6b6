"""Many applications at once: more user names than exit sessions, more connections than a session has streams."""
import socket
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

USERS = 12
BURST = 100
IDLE = 75
HTTP_PORT = 8000


class ManyApplications(NetworkTest):
    def start_curl(self, *more, credentials=""):
        proxy = f"socks5h://{credentials}{self.net.socks}"
        return subprocess.Popen(["curl", "--silent", "--no-progress-meter", "--max-time", "60", "--proxy", proxy,
                                 "-o", "/dev/null", "-w", "%{exitcode} ", *more],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def test_more_user_names_than_sessions_refuse_no_connection(self):
        """The keys come first, on a client that nothing has used yet."""
        page = f"{self.net.url}/small/1"
        running = [self.start_curl(page, credentials=f"u{i}:x@") for i in range(USERS)]
        codes = [process.communicate()[0].strip() for process in running]
        self.assertEqual(codes, ["0"] * USERS)
        self.assertEqual(self.start_curl(page).communicate()[0].strip(), "0")
        status, _ = self.net.ask_client()
        self.assertEqual(status["isolation_keys"], USERS)
        self.assertEqual(status["keys_sharing_a_session"], USERS - status["isolated_sessions_max"])
        log = self.processes.log("client").read_text()
        self.assertEqual(log.count("share the session of another"), 1)

    def burst(self, count):
        """One curl with `count` transfers at once. Returns the exit codes of those that failed."""
        process = self.start_curl("-Z", "--parallel-immediate", "--parallel-max", str(count),
                                  f"{self.net.url}/small/[1-{count}]")
        codes = process.communicate()[0].split()
        self.assertEqual(len(codes), count)
        return [code for code in codes if code != "0"]

    def test_bursts_succeed_one_straight_after_another(self):
        for _ in range(3):
            self.assertEqual(self.burst(BURST), [])

    def connect(self):
        host, port = self.net.socks.rsplit(":", 1)
        link = socket.create_connection((host, int(port)), 60)
        self.addCleanup(link.close)
        name = b"files.nightjar.test"
        link.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack("!H", HTTP_PORT))
        self.assertEqual(link.recv(2, socket.MSG_WAITALL), b"\x05\x00")
        return link

    @staticmethod
    def reply(link):
        answer = link.recv(10, socket.MSG_WAITALL)
        return answer[1] if len(answer) == 10 else None

    def test_idle_connections_leave_room_for_others(self):
        links = [self.connect() for _ in range(IDLE)]
        self.assertEqual([self.reply(link) for link in links], [0] * IDLE)
        self.assertEqual(self.burst(20), [])

    def test_above_a_sessions_streams_a_connection_waits_for_a_place(self):
        links = [self.connect() for _ in range(128)]
        self.assertEqual([self.reply(link) for link in links], [0] * len(links))
        waiting = self.connect()
        waiting.settimeout(3)
        with self.assertRaises(socket.timeout):
            self.reply(waiting)
        status, _ = self.net.ask_client()
        self.assertEqual(status["waiting_streams"], 1)
        waiting.settimeout(60)
        links[5].close()
        self.assertEqual(self.reply(waiting), 0)
        status, _ = self.net.ask_client()
        self.assertEqual(status["waiting_streams"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=0)
