"""The demo's network: keys, the signed document, and the relays and the client as processes."""
import json
import math
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import services
from .law import EXIT_ROOM, GATEWAYS, LAYERS, RELAY_LOOPS
from .progress import DemoError

LINK_PORT, RECORDER_PORT, METRICS_PORT = 9001, 9002, 9464
DNS_PORT, HTTP_PORT = 5353, 8000
READY_SECONDS = 60
FILTER_BYTES = 64 / 14  # size of a replay filter per packet
CLIENTS_SERVED = 4      # the demo's own, and three that tests start; all may be at one gateway
CLIENT_SHARE = 2.4      # what a client costs its gateway's filters, in units of its uplink
KEYS_HELD = 3           # number of epochs whose keys and filters a relay holds at once
EPOCH_SECONDS = (600, 7200)


@dataclass
class Relay:
    name: str
    role: str
    layer: int
    address: str
    folder: Path
    recorded: bool = False

    @property
    def config(self):
        return self.folder / "relay.yaml"

    @property
    def operator(self):
        """All mixes of a layer have one operator. Each gateway has its own, because an exit never serves
        clients of a gateway of its operator."""
        return f"layer-{self.layer}" if self.role == "mix" else self.name

    @property
    def metrics(self):
        return f"{self.address}:{METRICS_PORT}"


EVERY_RELAY = "every relay"


def quiet_length(least, most, now):
    """An epoch length in whole minutes, of at least `least` and at most `most` seconds, for what must not see an epoch
    end: at `now` (seconds since 1970) the running epoch has begun long ago and ends late."""
    def room(length):
        begun = now % length
        return min(3 * begun, length - begun)
    return max(range(least, most + 1, 60), key=room)


class Network:
    """The network of one run. `programs` is the build folder. `record` names the relays before which a
    recorder stands: none (False), the gateways (True) or EVERY_RELAY."""

    lives = False   # True: an authority signs each document by itself

    def __init__(self, programs, run, processes, law, record):
        self.programs, self.processes, self.law = programs, processes, law
        self.folder = run.folder
        self.address = run.network          # the first three bytes of all its addresses
        self.outside = f"{run.network}.250"   # the DNS and the web server
        self.record = record
        self.relays = []
        for layer in range(1, LAYERS + 1):
            for number in range(law.mixes):
                self.add(f"mix-{layer}{'abcdef'[number]}", "mix", layer, run.network)
        for number in range(GATEWAYS):
            self.add(f"gateway-{'ab'[number]}", "gateway", 0, run.network)
        self.socks = None
        self.early_success = None   # the client's setting; None: its default

    def add(self, name, role, layer, network):
        address = f"{network}.{10 + len(self.relays)}"
        self.relays.append(Relay(name, role, layer, address, self.folder / name,
                                 self.record == EVERY_RELAY or (self.record and role == "gateway")))

    def program(self, name):
        return next(self.programs / place / name
                    for place in ("relay", "relay/authority", "client", "tests/support", "bin")
                    if (self.programs / place / name).exists())

    def call(self, name, *arguments):
        done = subprocess.run([self.program(name), *map(str, arguments)], capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise DemoError(f"{name} {arguments[0]} failed with exit code {done.returncode}: "
                            f"{done.stderr.strip()}")
        return done.stdout

    @property
    def url(self):
        return f"http://{services.NAME}:{HTTP_PORT}"

    # --- keys and document ---------------------------------------------------------------------

    def size_filters(self):
        """Chooses the replay filters' rate (twice the expected one) and the epoch length.

        The filters take at most half of the tmpfs. That bounds how long an epoch may be.
        """
        law = self.law
        busiest = law.uplink + law.replies + (len(self.relays) + 1) * RELAY_LOOPS + law.exits_cover
        rate = max(50, round(2 * busiest))
        # A gateway has as many places for clients as its filters serve.
        served = math.ceil(CLIENTS_SERVED * CLIENT_SHARE * law.uplink) + 1   # for rounding
        self.relay_rates = {"mix": rate, "gateway": max(rate, served)}
        room = os.statvfs(self.folder)
        spare = room.f_bavail * room.f_frsize / 2
        per_second = sum(self.relay_rates[relay.role] for relay in self.relays) * KEYS_HELD * FILTER_BYTES
        least, most = EPOCH_SECONDS
        most = int(min(most, spare / per_second))
        if most < least:
            raise DemoError(f"not enough room for replay filters in {self.folder}: "
                            f"{per_second * least * 2 / 2**20:.0f} MB must be free")
        self.epoch_seconds = quiet_length(least, most, time.time())

    def relay_options(self, relay):
        arguments = ["--dir", relay.folder, "--name", relay.name, "--role", relay.role,
                     "--listen", f"{relay.address}:{LINK_PORT}",
                     "--metrics", relay.metrics, "--workers", 1,
                     "--runtime-dir", relay.folder / "run",
                     "--packets-per-second", self.relay_rates[relay.role]]
        if relay.role == "mix":
            arguments += ["--layer", relay.layer]
        else:
            arguments += ["--dns", f"{self.outside}:{DNS_PORT}", "--allow-loopback",
                          "--exit-policy", "accept *:*"]
        if relay.recorded:
            arguments += ["--announce", f"{relay.address}:{RECORDER_PORT}"]
        return arguments

    def make_keys(self):
        self.size_filters()
        for relay in self.relays:
            self.call("nightjar-relay", "init", *self.relay_options(relay),
                      "--network", self.anchors, "--document", self.folder / "document",
                      "--epoch-length", self.epoch_seconds)
        self.call("nightjar-authority", "init", "--dir", self.folder / "authority")

    def sign_document(self, parameters=()):
        """Signs the first document. `parameters`: more lines of the description, such as "mixing: threshold"."""
        law = self.law
        lines = ["network: demo", "parameters:", "  lab: true",
                 f"  epoch_length: {self.epoch_seconds}s",
                 f"  mean_delay: {1000 * law.mean_delay:.0f}ms",
                 f"  main_slots: {law.main_slots:g}", f"  client_loops: {law.loops:g}",
                 f"  replies: {law.replies:g}", f"  down: {law.down:g}",
                 f"  relay_loops: {RELAY_LOOPS:g}", f"  exit_room: {EXIT_ROOM:g}",
                 "  session_grid: 2s",
                 *(f"  {line}" for line in parameters),
                 "relays:"]
        for relay in self.relays:
            lines += [f"  - descriptor: {relay.name}/descriptor", f"    operator: {relay.operator}"]
        description = self.folder / "description.yaml"
        description.write_text("\n".join(lines) + "\n")
        self.call("nightjar-authority", "sign", "--dir", self.folder / "authority",
                  "--description", description, "--out", self.folder)

    # --- processes -----------------------------------------------------------------------------

    def start_services(self, file):
        self.processes.start(
            "services", ["python3", "-m", "nightjar_demo.services", self.outside, DNS_PORT,
                         HTTP_PORT, file], "services ready")

    def start_relay(self, relay):
        self.processes.start(relay.name, [self.program("nightjar-relay"), "run", "--config",
                                          relay.config], f"{relay.name} ready")

    def start_recorder(self, relay):
        self.processes.start(
            f"recorder-{relay.name}",
            [self.program("nightjar-recorder"), f"{relay.address}:{RECORDER_PORT}",
             f"{relay.address}:{LINK_PORT}", self.records(relay)], "recording")

    def records(self, relay):
        return self.folder / f"{relay.name}.records"

    def wait_active(self, relay):
        self.call("nightjar-relay", "status", "--config", relay.config, "--wait", READY_SECONDS)

    def make_client(self):
        self.call("nightjar", "init", "--network", self.anchors, "--dir",
                  self.folder / "client", "--listen", "127.0.0.1:0")
        if self.early_success:
            config = self.client_config.read_text()
            self.client_config.write_text(config.replace("early_success: web", f"early_success: {self.early_success}"))

    def start_client(self):
        self.make_client()
        self.run_client()

    def run_client(self):
        line = self.processes.start("client", [self.program("nightjar"), "run", "--config",
                                               self.client_config], "nightjar ready SOCKS5",
                                    READY_SECONDS)
        self.socks = line.split()[-1]

    @property
    def anchors(self):
        return self.folder / "network.yaml"

    @property
    def client_config(self):
        return self.folder / "client" / "client.yaml"

    # --- questions -----------------------------------------------------------------------------

    def ask_client(self, method="status"):
        """Sends one request over the client's control socket. Returns (result, time of the answer)."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(10)
            link.connect(str(self.folder / "client" / "control.sock"))
            link.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                piece = link.recv(65536)
                if not piece:
                    raise DemoError("the client closed its control socket")
                answer += piece
        answer = json.loads(answer)
        if "error" in answer:
            raise DemoError(f"the client answers with an error: {answer['error']['message']}")
        return answer["result"], time.monotonic()

    def relay(self, name):
        return next(r for r in self.relays if r.name == name)

    @property
    def gateways(self):
        return [r for r in self.relays if r.role == "gateway"]

    @property
    def mixes(self):
        return [r for r in self.relays if r.role == "mix"]
