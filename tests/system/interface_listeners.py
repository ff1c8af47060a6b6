"""The cases of interface_test.py about listeners that programs open while the client runs (docs/interface.md)."""
import json
import os
import socket
import stat
import subprocess
import time
from pathlib import Path

import jsonschema

from nightjar_demo.services import small_page_text

ROOT = Path(__file__).resolve().parent.parent.parent
SCHEMA = json.loads((ROOT / "docs/interface/open_listener.schema.json").read_text(encoding="utf-8"))
PRINTED = json.loads((ROOT / "docs/interface/listen.schema.json").read_text(encoding="utf-8"))
MOST, MOST_HELD = 16, 4
PATIENCE = 120      # seconds, for what takes none
PROXY = {"proxy": "127.0.0.1:0"}
INVALID, NO_LISTENER = -32602, -32003


class Refused(Exception):
    pass


class Caller:
    """A connection to the client's control socket."""

    def __init__(self, net):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(net.folder / "client" / "control.sock"))
        self.lines = self.socket.makefile("r", encoding="ascii")

    def call(self, method, params):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.lines.readline())
        if "error" in answer:
            raise Refused(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def close(self):
        self.lines.close()
        self.socket.close()


class ListenerCases:
    """Needs the running network of a NetworkTest, with one listener in client.yaml."""

    def call(self, method, params):
        """Over a connection of its own: one that is silent for a minute is closed."""
        caller = Caller(self.net)
        try:
            return caller.call(method, params)
        finally:
            caller.close()

    def open(self, **params):
        jsonschema.validate(params, SCHEMA)
        address = self.call("open_listener", params)["address"]
        self.addCleanup(self.close, address)
        return address

    def close(self, address):
        try:
            self.call("close_listener", {"address": address})
        except Refused as refused:
            self.assertEqual(refused.args[0], NO_LISTENER)

    def refusal(self, **params):
        with self.assertRaises(Refused) as caught:
            self.call("open_listener", params)
        return caught.exception.args

    def connect(self, address):
        if address.startswith("unix:"):
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(PATIENCE)
            try:
                link.connect(address.removeprefix("unix:"))
            except OSError:
                link.close()
                raise
            return link
        return socket.create_connection(address.rsplit(":", 1), PATIENCE)

    def is_open(self, address):
        try:
            self.connect(address).close()
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        return True

    def page(self, address):
        proxy = address.replace("unix:", "localhost")
        done = subprocess.run(["curl", "-sS", "-m", str(PATIENCE), "--proxy", f"socks5h://{proxy}",
                               self.net.url + "/small/1"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def unix(self, name):
        """The address of a unix socket. Unlike a port, no other program takes it once it is closed."""
        return f"unix:{self.net.folder}/client/{name}.sock"

    def keys_of(self, address):
        """The isolation keys that have to do with it, by their listeners."""
        return [key["listener"] for key in self.net.ask_client()[0]["isolation"] if key["listener"].startswith(address)]

    def test_own_sessions_for_each_listener(self):
        """Another one at the same address, of another program perhaps, shares none with the one before."""
        address = self.unix("own")
        for _ in range(2):
            self.open(proxy=address, isolate=["listener"])
            self.assertTrue(self.is_open(address))
            self.close(address)
            self.assertFalse(self.is_open(address))
        self.open(proxy=address, isolate=["listener"])
        host, port = self.net.url.removeprefix("http://").split(":")
        with self.connect(address) as link:     # the stream lasts as long as this connection
            link.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
            deadline = time.monotonic() + PATIENCE
            while not (names := self.keys_of(address)):
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
        self.assertEqual([name for name in names if name.startswith(address + " #")], names)
        self.assertEqual(len(names), 1)

    def test_all_share_the_session_of_one_without_rules(self):
        before = self.net.ask_client()[0]["isolation_keys"]
        self.assertEqual(self.page(self.open(**PROXY)), small_page_text(1))
        self.assertEqual(self.net.ask_client()[0]["isolation_keys"], before)

    def test_connections_go_on_when_the_listener_is_closed(self):
        address = self.open(proxy=self.unix("closed"))
        host, port = self.net.url.removeprefix("http://").split(":")
        with self.connect(address) as link:
            link.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode())
            self.assertEqual(link.recv(100), b"HTTP/1.1 200 Connected\r\n\r\n")
            self.close(address)
            self.assertFalse(self.is_open(address))
            link.sendall(f"GET /small/1 HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            answer = b""
            while piece := link.recv(65536):
                answer += piece
        self.assertTrue(answer.endswith(small_page_text(1).encode()), answer)

    def when_the_place_is_free(self):
        """Returns once a further connection may hold a listener."""
        deadline = time.monotonic() + PATIENCE
        while True:
            caller = Caller(self.net)
            self.addCleanup(caller.close)
            try:
                return caller.call("open_listener", {**PROXY, "with_connection": True})
            except Refused:
                caller.close()
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)

    def test_one_that_lasts_as_long_as_its_connection(self):
        held = [Caller(self.net) for _ in range(MOST_HELD)]
        for caller in held:
            self.addCleanup(caller.close)
        addresses = [caller.call("open_listener", {"proxy": self.unix(f"held-{number}"), "with_connection": True})["address"]
                     for number, caller in enumerate(held)]
        for address in addresses:
            self.assertTrue(self.is_open(address))
        code, said = self.refusal(**PROXY, with_connection=True)
        self.assertEqual(code, NO_LISTENER)
        self.assertIn("without with_connection", said)
        held[0].close()
        self.when_the_place_is_free()
        self.assertEqual(list(map(self.is_open, addresses)), [False] + [True] * (MOST_HELD - 1))

    def test_status_lists_those_that_are_open(self):
        def listed():
            return [(one["way"], one["address"], one["by_control_socket"]) for one in self.net.ask_client()[0]["listeners"]]

        def opened():
            return listed()[1:]

        self.assertEqual(listed()[0], ("proxy", self.net.socks, False))
        unix, names = self.open(proxy=self.unix("listed")), self.open(dns="127.0.0.1:0")
        holder = Caller(self.net)
        self.addCleanup(holder.close)
        held = holder.call("open_listener", {"proxy": self.unix("held"), "with_connection": True})["address"]
        self.assertEqual(opened(), [("proxy", unix, True), ("dns", names, True), ("proxy", held, True)])
        self.close(unix)
        self.assertEqual(opened(), [("dns", names, True), ("proxy", held, True)])
        holder.close()
        deadline = time.monotonic() + PATIENCE
        while opened() != [("dns", names, True)]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_names_are_answered(self):
        address = self.open(dns="127.0.0.1:0", map="198.18.0.0/15")
        query = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x01a\x04test\x00\x00\x01\x00\x01"
        with self.connect(address) as link:
            link.sendall(len(query).to_bytes(2, "big") + query)
            answer = link.recv(int.from_bytes(link.recv(2, socket.MSG_WAITALL), "big"), socket.MSG_WAITALL)
        self.assertEqual((answer[:2], answer[-4] & 0xFE, answer[-3] & 0xFE), (b"\x12\x34", 198, 18))
        code, said = self.refusal(dns="127.0.0.1:0", map="10.0.0.0/8")
        self.assertEqual(code, NO_LISTENER)
        self.assertIn("another range", said)
        self.close(address)
        self.open(dns="127.0.0.1:0", map="198.18.0.0/15")

    def test_a_unix_socket_beside_the_control_socket(self):
        address = self.open(proxy=self.unix("more"), users="all")
        self.assertEqual(address, self.unix("more"))
        self.assertEqual(stat.S_IMODE(os.stat(address.removeprefix("unix:")).st_mode), 0o666)
        self.close(address)
        self.assertFalse(os.path.exists(address.removeprefix("unix:")))

    def test_no_more_than_there_may_be(self):
        for _ in range(MOST - 1):       # one is in client.yaml
            self.open(**PROXY)
        code, said = self.refusal(**PROXY)
        self.assertEqual((code, said), (NO_LISTENER, f"no more than {MOST} listeners can be open; close one first"))

    def test_what_is_refused(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        for params, code, said in (
                ({}, INVALID, "params:1:"),
                ({"proxy": "0.0.0.0:0"}, INVALID, "anyone who reaches this address"),
                ({"proxy": "unix:own.sock"}, INVALID, "a relative path"),
                ({**PROXY, "isolate": ["colour"]}, INVALID, "unknown word"),
                ({"proxy": f"127.0.0.1:{taken.getsockname()[1]}"}, NO_LISTENER, "change `proxy`")):
            with self.subTest(params=params):
                refused = self.refusal(**params)
                self.assertEqual(refused[0], code, refused)
                self.assertIn(said, refused[1])
        # Those of client.yaml are not the callers'.
        for address in (self.net.socks, "127.0.0.1:1", ""):
            with self.assertRaises(Refused) as caught:
                self.call("close_listener", {"address": address})
            self.assertEqual(caught.exception.args[0], NO_LISTENER)
        self.assertTrue(self.is_open(self.net.socks))

    def command(self, *arguments, code=0):
        done = subprocess.run([self.net.program("nightjar"), "listen", *arguments, "--config", self.net.client_config],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.net.folder / "client",
                              timeout=PATIENCE)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def test_the_command(self):
        self.assertTrue(self.is_open(self.command("127.0.0.1:0", "--isolate", "credentials,listener").strip()))
        self.assertIn("anyone who reaches", self.command("0.0.0.0:0", "--way", "transparent", code=1))
        file = self.command("unix:by-command.sock", "--users", "all").strip()
        self.assertEqual(file, f"unix:{os.path.realpath(self.net.folder / 'client')}/by-command.sock")
        self.assertTrue(self.is_open(file))
        self.assertEqual(self.command("unix:by-command.sock", "--close"), "")
        self.assertFalse(self.is_open(file))
        self.assertIn("no listener that open_listener has opened", self.command("unix:by-command.sock", "--close", code=1))
        opened = json.loads(self.command("127.0.0.1:0", "--json"))
        jsonschema.validate(opened, PRINTED)
        self.assertTrue(self.is_open(opened["address"]))
        self.assertEqual(self.command(opened["address"], "--close", "--json"), "{}\n")
        self.assertFalse(self.is_open(opened["address"]))
