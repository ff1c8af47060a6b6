"""The client's local interface (docs/interface.md) and its commands, on a running network."""
import json
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from testnet import NetworkTest  # noqa: E402
from interface_listeners import ListenerCases  # noqa: E402

SCHEMA = json.loads((ROOT / "docs/interface/status.schema.json").read_text(encoding="utf-8"))
SECRET = "never-shown"


def example(marker):
    """The document's block of Python that begins with this line."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/interface.md").read_text(encoding="utf-8"), re.S)
    found = [block for block in blocks if block.startswith(f"# docs/interface.md: {marker}")]
    assert len(found) == 1, marker
    return found[0]


class Interface(ListenerCases, NetworkTest):
    def nightjar(self, *arguments, code=0):
        done = subprocess.run([self.net.program("nightjar"), *arguments, "--config", self.net.client_config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (code, ""), done.stdout)
        return done.stdout

    def run_example(self, marker):
        done = subprocess.run([sys.executable, "-c", example(marker), self.net.folder / "client" / "control.sock"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def test_the_documents_example_works(self):
        status = self.net.ask_client()[0]
        self.assertEqual(self.run_example("tests/system/interface_test.py"),
                         f"ready\ngateway: {status['gateway']}\nidentity: {status['identity'] + 1}\n"
                         "my own proxy: SOCKS5\nready\n")

    def test_newnym_gives_programs_without_a_user_name_another_session(self):
        before = self.net.ask_client()[0]
        self.assertIn(f"new identity {before['identity'] + 1}:", self.nightjar("newnym"))
        answer = json.loads(self.nightjar("newnym", "--json"))
        jsonschema.validate(answer, json.loads((ROOT / "docs/interface/newnym.schema.json").read_text(encoding="utf-8")))
        self.assertEqual(answer["identity"], before["identity"] + 2)
        with (socket.create_server((self.net.outside, 0)) as silent,    # so the stream lasts as long as this application
              socket.create_connection(self.net.socks.rsplit(":", 1), 60) as link):
            link.sendall(b"\x05\x01\x00\x05\x01\x00\x01" + socket.inet_aton(self.net.outside)
                         + silent.getsockname()[1].to_bytes(2, "big"))
            self.assertEqual(len(link.recv(2)), 2)
            deadline = time.monotonic() + 20
            while len(self.net.ask_client()[0]["isolation"]) == len(before["isolation"]):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.1)
            [added] = [key for key in self.net.ask_client()[0]["isolation"] if key not in before["isolation"]]
            self.assertEqual((added["name"], added["own_session"], added["streams"]), ("", True, 1))

    def test_status_fits_its_schema(self):
        status = json.loads(self.nightjar("status", "--json"))
        jsonschema.validate(status, SCHEMA)
        self.assertTrue(status["ready"])
        # The schema can fail: it knows all members, and needs those of a client with a document.
        for change in ({"more": 1}, {"ready": 1}, {"sessions": [{}]}):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate({**status, **change}, SCHEMA)
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate({key: value for key, value in status.items() if key != "cost"}, SCHEMA)

    def test_status_for_people_names_the_keys_and_no_password(self):
        obeyed = "\x85"          # a control character that a terminal obeys
        alice = f"alice <{id(self)}>{obeyed}"
        done = subprocess.run(["curl", "-sS", "-m", "90", "--proxy", f"socks5h://{self.net.socks}", "--proxy-user",
                               f"{alice}:{SECRET}", "-o", "/dev/null", self.net.url + "/small/1"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.nightjar("status")
        alice = alice.replace(obeyed, "\\u0085")
        self.assertRegex(text, r"(?m)^ready +yes, since ")
        self.assertRegex(text, rf"(?m)^  {re.escape(alice)} +own session at gateway-\w+, \d+ streams?, by ")
        self.assertRegex(text, r"(?m)^  cover +\d+\.\d % of the link's bytes")
        page = self.nightjar("status", "--html", "-")
        self.assertIn(alice.replace("<", "&lt;").replace(">", "&gt;"), page)
        for shown in (text, page, self.nightjar("status", "--json")):
            self.assertNotIn(SECRET, shown)
            self.assertTrue(shown.isascii(), shown)
        self.assertIn(alice, shown)
        goodput = self.net.ask_client()[0]["goodput"]
        self.assertGreater(goodput["up_bytes"], 0)
        self.assertGreater(goodput["down_bytes"], goodput["up_bytes"])

    def test_status_writes_a_page_for_its_owner_alone(self):
        file = self.net.folder / "status.html"
        self.nightjar("status", "--html", file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertTrue(file.read_text(encoding="ascii").endswith("</html>\n"))
        done = subprocess.run([self.net.program("nightjar"), "status", "--html", "/proc/none", "--config",
                               self.net.client_config], capture_output=True, text=True)
        self.assertEqual(done.returncode, 5)
        self.assertRegex(done.stderr, r"\A[^\n]*cannot write /proc/none: [^\n]*\n\Z")

    def test_routes_names_the_relays_in_use_and_their_odds(self):
        report = json.loads(self.nightjar("routes", "--json", "--bad", "10"))
        jsonschema.validate(report, json.loads((ROOT / "docs/interface/routes.schema.json").read_text(encoding="utf-8")))
        status = self.net.ask_client()[0]
        self.assertEqual(report["gateway"]["name"], status["gateway"])
        self.assertIn(status["sessions"][0]["exit"], [exit["name"] for exit in report["exits"]])
        now, *later = report["odds"]
        self.assertAlmostEqual(now["gateway"], 0.1)
        self.assertAlmostEqual(now["route"], 0.1 * now["exit"] * 0.1)
        self.assertTrue(all(after["gateway"] > now["gateway"] for after in later[1:]))
        self.assertRegex(self.nightjar("routes"), r"(?m)^your gateway +5\.00 % ")

    def test_status_watches_until_it_is_interrupted(self):
        with subprocess.Popen([self.net.program("nightjar"), "status", "--watch", "--cost", "--config",
                               self.net.client_config], stdout=subprocess.PIPE, text=True) as watch:
            seen = [watch.stdout.readline() for _ in range(9)]
            watch.send_signal(signal.SIGINT)
        self.assertEqual([line for line in seen if line.startswith("Cost")], ["Cost\n"] * 2, seen)


if __name__ == "__main__":
    unittest.main(verbosity=0)
