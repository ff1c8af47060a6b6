"""1 MiB each way by curl, byte for byte, while every relay drops 1 % of its packets."""
import socket
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import FILE_BYTES, NetworkTest  # noqa: E402
from nightjar_demo.metrics import scrape  # noqa: E402

SECONDS_MAX = 120


class WithLoss(NetworkTest):
    drop_share = 0.01

    def test_a_download_arrives_byte_for_byte(self):
        done = self.curl.download(self.digest, SECONDS_MAX)
        self.assertEqual(done.size, FILE_BYTES)

    def test_an_upload_arrives_byte_for_byte(self):
        done = self.curl.upload(self.file, self.digest, SECONDS_MAX)
        self.assertEqual(done.size, FILE_BYTES)

    def test_an_early_answer_arrives_whole_though_the_upload_stays_unread(self):
        """The server closes with unread input, so its kernel sends a reset behind the answer."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def refuse():
                for _ in range(3):
                    connection, _ = listener.accept()
                    connection.recv(300)
                    connection.sendall(b"HTTP/1.1 413 x\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20000)
                    connection.close()
            server = threading.Thread(target=refuse)
            server.start()
            for _ in range(3):
                done = subprocess.run(
                    ["curl", "--silent", "--max-time", "60", "-H", "Expect:", "--data-binary", f"@{self.file}",
                     "--proxy", f"socks5h://{self.net.socks}", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                     f"http://127.0.0.1:{listener.getsockname()[1]}/"],
                    stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assertEqual(done.stdout, "413 20000")
                self.assertEqual(done.returncode, 0)
            server.join()

    def test_pages_in_parallel(self):
        pages, _ = self.curl.small_pages(3, SECONDS_MAX)
        self.assertEqual(len(pages), 3)

    def test_the_relays_did_drop(self):
        for relay in self.net.relays:
            self.assertGreater(scrape(relay)["dropped"]["injected"], 0, relay.name)

    def test_unknown_name_and_closed_port_have_their_reply_codes(self):
        for url, said in (("http://no-such-name.test:8000/", "(4)"),
                          (f"http://{self.net.outside}:9/", "(5)")):
            done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", "--proxy",
                                   f"socks5h://{self.net.socks}", url],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual(done.returncode, 97, done.stderr)
            self.assertIn(said, done.stderr)

    def test_on_a_port_of_the_web_the_exits_error_is_a_reset(self):
        done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", "--proxy",
                               f"socks5h://{self.net.socks}", f"http://{self.net.outside}/"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 56, done.stderr)
        self.assertIn("reset", done.stderr)

    def test_an_application_that_vanishes_costs_nothing_lasting(self):
        status, _ = self.net.ask_client()
        for _ in range(3):
            code, _, _ = self.curl.run("/endless", 2, "/dev/null")
            self.assertEqual(code, 28)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            now, _ = self.net.ask_client()
            if sum(s["streams"] for s in now["sessions"]) == 0 and now["applications"] == 0:
                return
            time.sleep(0.5)
        self.fail(f"streams stay open: {now} (before: {status})")


if __name__ == "__main__":
    unittest.main(verbosity=0)
