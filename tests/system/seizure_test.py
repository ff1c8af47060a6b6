"""A seizure after the traffic: disks, memory, logs and metrics of every relay, and a recording of all wires.

A client fetches pages with known marks, from a known address, of a known target. Then it leaves. When the sessions and the
epoch have ended, everything is seized and searched for the address, the target, the marks and the keys of that epoch.
"""
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from seizer import Seizer, keys_in, memories_of, public_keys  # noqa: E402
from seizure import Search, address_patterns, family_of, files_below, may_read_memory, memory_of  # noqa: E402
from testnet import PROGRAMS  # noqa: E402
from nightjar_demo import folders, law, network, processes, services  # noqa: E402

EPOCH_SECONDS = 120         # the shortest that a document may have
TRAFFIC_SECONDS = 60        # of an epoch, for start and traffic
GONE_SECONDS_MAX = 200      # a session ends 130 s after its last packet; the key of its epoch before that
PAGES = 8
HELD = "/held/"             # a page whose last byte never comes


class ShortEpochs(network.Network):
    def size_filters(self):
        super().size_filters()
        self.epoch_seconds = EPOCH_SECONDS


class Pages(BaseHTTPRequestHandler):
    """Answers with the path and the body of the request."""

    def do_POST(self):
        body = self.path.encode() + self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + self.path.startswith(HELD)))
        self.end_headers()
        self.wfile.write(body)
        if self.path.startswith(HELD):      # the connection stays open until the client ends it
            self.wfile.flush()
            self.connection.settimeout(GONE_SECONDS_MAX)
            try:
                self.rfile.read(1)
            except OSError:
                pass

    def log_message(self, *_):
        pass


class Wires:
    """Passes connections on to relays and records every byte. `source`: connect from this address; None: any."""

    def __init__(self):
        self.source = None
        self.source_of_client = None
        self.recorded = {}          # (relay, local address and port, direction): bytes
        self.ports_of = {}          # source: local ports
        self.listeners = []

    def listen(self, relay):
        listener = socket.create_server((relay.address, network.RECORDER_PORT))
        self.listeners.append(listener)
        threading.Thread(target=self.accept, args=(relay, listener), daemon=True).start()

    def accept(self, relay, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection((relay.address, network.LINK_PORT),
                                               source_address=(self.source, 0) if self.source else None)
            except ConnectionRefusedError:      # the relay does not listen yet
                near.close()
                continue
            name = far.getsockname()
            self.ports_of.setdefault(name[0], []).append(name[1])
            for way, come, go in (("up", near, far), ("down", far, near)):
                recorded = self.recorded.setdefault((relay.name, *name, way), bytearray())
                threading.Thread(target=self.copy, args=(come, go, recorded), daemon=True).start()

    @staticmethod
    def copy(come, go, recorded):
        try:
            while piece := come.recv(1 << 16):
                recorded += piece
                go.sendall(piece)
        except OSError:
            pass
        for end in (come, go):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def copies(self):
        """{name: the bytes so far}, and of these the names of the client's. "up" is towards the relay."""
        recorded = {f"{relay}_{address}_{port}.{way}": (address, bytes(content))
                    for (relay, address, port, way), content in list(self.recorded.items())}
        return ({name: content for name, (_, content) in recorded.items()},
                {name for name, (address, _) in recorded.items() if address == self.source_of_client})

    def stop(self):
        for listener in self.listeners:
            listener.close()


class Seizure(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not may_read_memory():
            raise AssertionError("this test reads the memory of relays: run it as root")
        left = EPOCH_SECONDS - time.time() % EPOCH_SECONDS
        if left < TRAFFIC_SECONDS:
            time.sleep(left + 1)
        cls.run_folder = folders.Run()
        cls.processes = processes.Processes(cls.run_folder.folder, False)
        cls.net = ShortEpochs(PROGRAMS, cls.run_folder, cls.processes, law.Law(50, 1), network.EVERY_RELAY)
        cls.wires = Wires()
        cls.pids = {}
        try:
            cls.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def start(cls):
        cls.client_address = cls.wires.source_of_client = f"{cls.net.address}.201"
        cls.seizer = Seizer(cls.net.program("nightjar-seizer"), cls.net.folder / "seized")
        cls.target = f"{cls.net.address}.240"
        cls.net.make_keys()
        cls.net.sign_document()
        cls.start_target()
        for relay in cls.net.relays:
            cls.wires.listen(relay)
        for relay in cls.net.relays:
            cls.net.start_relay(relay)
            cls.pids[relay.name] = cls.processes.running[relay.name].pid
        for relay in cls.net.relays:
            cls.net.wait_active(relay)
        cls.note_keys()

    @classmethod
    def note_keys(cls):
        """What the test knows of the epoch's keys. An adversary that came before its end has them as well."""
        cls.epoch = int(time.time()) // EPOCH_SECONDS
        cls.epoch_keys = {relay.name: (relay.folder / "run" / f"{EPOCH_SECONDS}-{cls.epoch}.key").read_text().split()[-1]
                          for relay in cls.net.relays}

    @classmethod
    def start_target(cls):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind((cls.net.outside, network.DNS_PORT))
        threading.Thread(target=services.serve_dns, args=(udp, cls.target), daemon=True).start()
        cls.web = ThreadingHTTPServer((cls.target, network.HTTP_PORT), Pages)
        threading.Thread(target=cls.web.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        bad = cls.processes.stop_all()
        cls.wires.stop()
        cls.run_folder.remove()
        if bad:
            raise AssertionError("; ".join(bad))

    # --- the traffic ---
    def fetch(self, mark, path):
        """curl that posts a page of this mark and gets it back."""
        body = self.net.folder / f"body-{mark}"
        body.write_bytes(b"".join(f"{mark}:{line}\n".encode() for line in range(1000)))
        return subprocess.Popen(["curl", "--silent", "--show-error", "--no-buffer", "--proxy", f"socks5h://{self.net.socks}",
                                 "--max-time", "120", "--header", "Expect:", "--data-binary", f"@{body}",
                                 f"http://{services.NAME}:{network.HTTP_PORT}{path}{mark}"],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    def talk(self):
        """Pages with marks. Returns the marks, and a curl whose connection is open."""
        marks = [f"mark-{number}-" + os.urandom(12).hex()
                 for number in range(PAGES)]
        for mark in marks[1:]:
            with self.fetch(mark, "/") as curl:
                said = curl.stdout.read()
            self.assertIn(mark.encode(), said)
        held = self.fetch(marks[0], HELD)
        while f"{marks[0]}:999".encode() not in held.stdout.readline():
            self.assertIsNone(held.poll())
        return marks, held

    def search_for(self, marks):
        search = Search()
        search.add("mark", *(re.escape(mark.encode()) for mark in marks))
        search.add("name", re.escape(services.NAME.encode()))
        search.add("target", *address_patterns(self.target, network.HTTP_PORT))
        for port in self.wires.ports_of[self.client_address]:
            search.add("client", *address_patterns(self.client_address, port))
        for key in self.epoch_keys.values():
            search.add("key", re.escape(key.encode()), re.escape(bytes.fromhex(key)))
        return search

    # --- the seizure ---
    def seized(self):
        """Yields (place, bytes) of everything that operators have."""
        for relay in self.net.relays:
            yield from files_below(relay.folder)
            yield relay.name + ".log", self.processes.log(relay.name).read_bytes()
            with urllib.request.urlopen(f"http://{relay.metrics}/metrics", timeout=5) as page:
                yield relay.name + " metrics", page.read()
            for pid in family_of(self.pids[relay.name]):
                yield from ((f"{relay.name} {pid} {place}", content) for place, content in memory_of(pid))
        for (relay, *_), content in list(self.wires.recorded.items()):
            yield f"wire of {relay}", bytes(content)

    def disclosed(self, relay):
        return json.loads(self.net.call("nightjar-relay", "disclose", "--config", relay.config, "--json"))

    def wait_until_over(self):
        """Until no relay lists a client, a session, a destination or a key of that epoch: then it must be true."""
        over = time.monotonic() + GONE_SECONDS_MAX
        for relay in self.net.relays:
            while True:
                disclosed = self.disclosed(relay)
                held = {one["table"]: one["entries"] for one in disclosed["memory"]
                        if one["about"] in ("clients", "sessions", "streams", "destinations") and one["entries"]}
                epochs = [key["epoch"] for key in disclosed["keys"]["mix"]]
                if not held and self.epoch not in epochs:
                    break
                self.assertLess(time.monotonic(), over, f"{relay.name} still lists {held}, keys of {epochs}")
                time.sleep(1)

    def planted(self, traces):
        """The memory of a process that holds these traces, and a file with them: what a search must find."""
        file = self.net.folder / "planted"
        file.write_bytes(traces)
        process = subprocess.Popen([sys.executable, "-c", "import sys; held = sys.stdin.buffer.read(); print('held', "
                                    "flush=True); sys.stdin.close(); __import__('time').sleep(60)"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            process.stdin.write(traces)
            process.stdin.close()
            process.stdout.readline()
            yield list(memory_of(process.pid))
            yield [(str(file), file.read_bytes())]
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            file.unlink()

    def traces(self, marks):
        """{kind: bytes}, one of each kind."""
        port = self.wires.ports_of[self.client_address][0]
        return {"mark": marks[0].encode(), "name": services.NAME.upper().encode(),
                "target": socket.inet_aton(self.target) + bytes(12),
                "client": port.to_bytes(2, "big") + socket.inet_aton(self.client_address),
                "key": bytes.fromhex(next(iter(self.epoch_keys.values())))}

    # --- keys on the recording, and what memories share ---
    def opened(self, memories, mix_keys):
        """What these open of the recording: the client's wires that carried cells, and the packets of the epoch of the traffic."""
        wires, of_client = self.wires.copies()
        found = self.seizer.open(memories, wires, mix_keys)
        ours = {name: wire for name, wire in found["wires"].items() if name in of_client and wire["cells"]}
        others = [wire for name, wire in found["wires"].items() if name not in of_client]
        print(f"{found['expanded_keys']} keys of links, {found['possible_secrets']} possible secrets, {len(mix_keys)} keys of relays;",
              "open of the client's cells", sum(wire["opened"] for wire in ours.values()), "of",
              sum(wire["cells"] for wire in ours.values()), "and of relays'", sum(wire["opened"] for wire in others), "of",
              sum(wire["cells"] for wire in others))
        past = found["epochs"][str(self.epoch % 256)]
        print("packets of the epoch of the traffic:", past)
        return ours, past, sum(epoch["in_memory"] for epoch in found["epochs"].values())

    def check_keys_on_the_recording(self, after, during):
        """Seized keys open no cell of the client and no packet of its time. Memories and mix keys of that time open all of them."""
        mix_keys = keys_in(relay.folder for relay in self.net.relays)
        ours, past, _ = self.opened(after, mix_keys)
        self.assertGreater(sum(wire["cells"] for wire in ours.values()), 1000)
        for name, wire in ours.items():
            self.assertEqual((wire["opened"], wire["secret"]), (0, False), name)
        # Relays' links go on, and their keys open what was recorded since the last KeyUpdate: these are its packets.
        self.assertGreater(past["tried"], 100)
        self.assertEqual((past["unwrapped"], past["joined"], past["in_memory"]), (0, 0, 0), past)
        ours, past, in_memory = self.opened(during, mix_keys + list(self.epoch_keys.values()))
        longest = max(ours.values(), key=lambda wire: wire["cells"])
        self.assertGreater(longest["opened"], longest["cells"] / 2, "the key of a link")
        self.assertTrue(longest["secret"], "the secret from which that key follows")
        self.assertEqual(past["unwrapped"], past["tried"], "the mix keys of that epoch")
        self.assertGreater(past["joined"], past["tried"] / 3, "packets that came in with those that went out")
        self.assertGreater(in_memory, 0, "packets in the memory of that time")

    def check_values_of_the_client(self, after, before, of_client):
        """No random value that the client held is in one relay's memory or in some; one that is planted is found."""
        public = public_keys([(self.net.folder / "document").read_bytes(), self.net.anchors.read_bytes()])
        shared = self.seizer.shared(after | {"client": of_client}, before, public)
        self.assertEqual({value: names for value, names in shared.items() if "client" in names}, {})
        value = os.urandom(16)
        with_it = after | {"client": of_client + value, "mix-1a": after["mix-1a"] + value}
        self.assertIn(value.hex(), self.seizer.shared(with_it, before, public))

    def test_nothing_of_the_past_is_found(self):
        before = memories_of(self.pids)
        self.wires.source = self.client_address
        self.net.start_client()
        marks, held = self.talk()
        self.note_keys()    # on a slow machine another epoch has begun
        # At once: the search takes long, and packets of this epoch leave the memories within a second.
        during = memories_of(self.pids)
        of_client = memories_of({"client": self.processes.running["client"].pid})["client"]
        search = self.search_for(marks)
        found = search.in_places(self.seized())
        self.assertEqual(search.kinds(), set(found), "while the client talks there is something of each kind")
        held.kill()
        held.communicate()
        self.assertEqual(self.processes.stop("client"), 0)
        self.wires.source = None
        self.wait_until_over()
        found = search.in_places(self.seized())
        shown = "\n".join(f"{kind}: {len(places)}, such as {places[:3]}" for kind, places in found.items())
        self.assertEqual(set(found), set(), shown)
        for kind, trace in self.traces(marks).items():
            for places in self.planted(trace):
                self.assertEqual(set(search.in_places(places)), {kind}, "a planted trace is found")
        after = memories_of(self.pids)
        self.check_keys_on_the_recording(after, during)
        self.check_values_of_the_client(after, before, of_client)


if __name__ == "__main__":
    unittest.main(verbosity=0)
