"""A network that lives by itself: an authority runs as a service, and relays join it."""
import time

from .law import RELAY_LOOPS
from .network import Network, Relay

SERVICE_PORT = 8443
SERVICE_SECONDS = 10


class LivingNetwork(Network):
    """`epoch_seconds` None: as long as the replay filters allow."""
    lives = True
    loops = False       # of authorities. The demo counts all packets of a window by the law, and these are beyond it

    def __init__(self, programs, run, processes, law, record, epoch_seconds=None):
        super().__init__(programs, run, processes, law, record)
        self.authority = self.folder / "authority"
        self.wanted_epoch = epoch_seconds

    def make_keys(self):
        self.size_filters()
        self.epoch_seconds = self.wanted_epoch or self.epoch_seconds
        self.call("nightjar-authority", "init", "--dir", self.authority, "--network", "demo", "--lab",
                  "--listen", f"{self.address}.9:{SERVICE_PORT}", "--epoch-length", self.epoch_seconds)
        self.set_parameters(self.authority)
        for relay in self.relays:
            self.make_relay(relay)
            self.admit(relay)

    def set_parameters(self, folder):
        law = self.law
        file = folder / "authority.yaml"
        if not self.loops:
            file.write_text(file.read_text(encoding="utf-8").replace("loops: true", "loops: false"), encoding="utf-8")
        with open(file, "a", encoding="utf-8") as settings:
            settings.write(f"  mean_delay: {1000 * law.mean_delay:.0f}ms\n  main_slots: {law.main_slots:g}\n"
                           f"  client_loops: {law.loops:g}\n  replies: {law.replies:g}\n  down: {law.down:g}\n"
                           f"  relay_loops: {RELAY_LOOPS:g}\n  session_grid: 2s\n")

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


class CouncilNetwork(LivingNetwork):
    """Several authorities that agree. They choose the mixes' layers, so each mix has an operator of its own."""
    loops = True        # as `init` writes it: nothing is counted here

    def __init__(self, programs, run, processes, law, record, epoch_seconds, authorities=4):
        super().__init__(programs, run, processes, law, record, epoch_seconds)
        self.authorities = [self.folder / f"authority-{number + 1}" for number in range(authorities)]
        self.authority = self.authorities[0]    # whose network.yaml the relays and the client get

    def make_keys(self):
        self.size_filters()
        self.epoch_seconds = self.wanted_epoch or self.epoch_seconds
        for number, folder in enumerate(self.authorities):
            self.init_authority(folder, f"{self.address}.{1 + number}:{SERVICE_PORT}")
        for folder in self.authorities:
            self.assemble(folder)
        for relay in self.relays:
            self.make_relay(relay)
            self.admit(relay)

    def init_authority(self, folder, listen):
        self.call("nightjar-authority", "init", "--dir", folder, "--network", "demo", "--lab", "--authorities",
                  len(self.authorities), "--listen", listen, "--epoch-length", self.epoch_seconds)
        self.set_parameters(folder)
        self.call("nightjar-authority", "introduce", "--dir", folder)

    def assemble(self, folder):
        self.call("nightjar-authority", "assemble", *(other / "introduction" for other in self.authorities), "--dir", folder)

    def relay_options(self, relay):
        options = super().relay_options(relay)
        if "--layer" in options:    # it is the network's choice
            at = options.index("--layer")
            del options[at:at + 2]
        return options

    def admit(self, relay, by=None):
        for folder in by or self.authorities:
            self.admit_at(folder, relay)

    def admit_at(self, folder, relay):
        self.call("nightjar-authority", "admit", relay.identity, "--operator", relay.name, "--dir", folder)

    def expel(self, relay):
        for folder in self.authorities:
            self.call("nightjar-authority", "expel", relay.identity, "--dir", folder)

    def start_authority(self):
        for number in range(len(self.authorities)):
            self.start_one(number)

    def start_one(self, number):
        folder = self.authorities[number]
        self.processes.start(folder.name, [self.program("nightjar-authority"), "run", "--dir", folder],
                             "nightjar-authority demo ready", SERVICE_SECONDS)

    def kill_one(self, number):
        """It gets no chance to tidy up."""
        authority = self.processes.running.pop(self.authorities[number].name)
        authority.kill()
        authority.wait()

    def documents(self, number):
        """The epochs whose documents an authority has."""
        return {int(file.name) for file in (self.authorities[number] / "documents").iterdir()
                if file.name.isdigit()}
