"""A network that lives by itself: an authority runs as a service, and relays join it."""
import time

from .law import RELAY_LOOPS
from .network import Network, Relay

SERVICE_PORT = 8443
SERVICE_SECONDS = 10


class LivingNetwork(Network):
    """`epoch_seconds` None: as long as the replay filters allow."""
    lives = True

    def __init__(self, programs, run, processes, law, record, epoch_seconds=None):
        super().__init__(programs, run, processes, law, record)
        self.authority = self.folder / "authority"
        self.wanted_epoch = epoch_seconds

    def make_keys(self):
        self.size_filters()
        self.epoch_seconds = self.wanted_epoch or self.epoch_seconds
        law = self.law
        self.call("nightjar-authority", "init", "--dir", self.authority, "--network", "demo", "--lab",
                  "--listen", f"{self.address}.9:{SERVICE_PORT}", "--epoch-length", self.epoch_seconds)
        with open(self.authority / "authority.yaml", "a", encoding="utf-8") as settings:
            settings.write(f"  mean_delay: {1000 * law.mean_delay:.0f}ms\n  main_slots: {law.main_slots:g}\n"
                           f"  client_loops: {law.loops:g}\n  replies: {law.replies:g}\n  down: {law.down:g}\n"
                           f"  relay_loops: {RELAY_LOOPS:g}\n  session_grid: 2s\n")
        for relay in self.relays:
            self.make_relay(relay)
            self.admit(relay)

    def make_relay(self, relay):
        arguments = self.relay_options(relay)
        arguments += ["--network", self.authority / "network.yaml", "--document", relay.folder / "document"]
        said = self.call("nightjar-relay", "init", *arguments)
        relay.identity = said.split()[1]

    def admit(self, relay):
        self.call("nightjar-authority", "admit", relay.identity, "--operator", relay.operator, "--dir", self.authority)

    def expel(self, relay):
        self.call("nightjar-authority", "expel", relay.identity, "--dir", self.authority)

    def sign_document(self, parameters=()):
        """The authority signs by itself, once its relays have come."""
        self.start_authority()

    def start_authority(self):
        self.processes.start("authority", [self.program("nightjar-authority"), "run", "--dir", self.authority],
                             "nightjar-authority demo ready", SERVICE_SECONDS)

    def start_relay(self, relay):
        """Returns when it runs or waits for a document that lists it."""
        ready = f"{relay.name} ready" if (relay.folder / "document").exists() else "waits until"
        self.processes.start(relay.name, [self.program("nightjar-relay"), "run", "--config", relay.config], ready)

    @property
    def anchors(self):
        return self.authority / "network.yaml"

    def new_mix(self, name, layer):
        relay = Relay(name, "mix", layer, f"{self.address}.{10 + len(self.relays)}", self.folder / name)
        self.relays.append(relay)
        self.make_relay(relay)
        return relay

    def epoch(self):
        return int(time.time()) // self.epoch_seconds
