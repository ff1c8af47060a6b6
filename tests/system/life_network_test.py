"""Nothing is sent around the network, whatever happens to a client. Each fault runs in a network namespace of its own,
where nftables count every packet of the client that goes elsewhere than to its gateway, while programs ask for names
and addresses."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from own_network import OwnNetworkTest, main, run  # noqa: E402
from life_test import SUSPENDED, Impostor  # noqa: E402
from nightjar_demo.network import LINK_PORT, READY_SECONDS  # noqa: E402
from nightjar_demo.processes import die_with_parent  # noqa: E402
from nightjar_demo.progress import DemoError  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402

CLIENT = 65533          # the user that the client runs as
PROXY, DNS = 9150, 9153
ELSEWHERE = "203.0.113.9"
PATIENCE = 300          # seconds, for what takes a few: a machine may be slow
ASKED_SECONDS = 4       # how long a program waits for its answer
BEFORE_THE_END = 6      # seconds of a document's validity that are left when the client starts
COUNTING = """table inet counting {
    chain last {
        type filter hook postrouting priority 300;
        oifname != "lo" ip daddr != 127.0.0.0/8 counter name elsewhere
        meta skuid %(client)d ip daddr %(own)s tcp dport %(link)d counter name to_gateway accept
        meta skuid %(client)d ip daddr %(others)s tcp dport %(link)d counter name to_another_gateway accept
        meta skuid %(client)d oif lo ip saddr 127.0.0.1 tcp sport %(proxy)d accept
        meta skuid %(client)d oif lo ip saddr 127.0.0.1 udp sport %(dns)d accept
        meta skuid %(client)d counter name astray
    }
    counter elsewhere {}
    counter to_gateway {}
    counter to_another_gateway {}
    counter astray {}
}
"""
# The wall clock of a program that loads it is ahead by what the file says that CLOCK_AHEAD names.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
static int (*real)(clockid_t, struct timespec*);
static const volatile long* ahead;
__attribute__((constructor)) static void find(void) {
    real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
    const int file = open(getenv("CLOCK_AHEAD"), O_RDONLY);
    void* page = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    if (page == MAP_FAILED) abort();
    ahead = page;
}
int clock_gettime(clockid_t clock, struct timespec* now) {
    const int result = real(clock, now);
    if (clock == CLOCK_REALTIME && ahead) now->tv_sec += *ahead;
    return result;
}
"""


class LifeNetwork(OwnNetworkTest):
    @classmethod
    def start(cls):
        cls.net.start_client = cls.make_client
        super().start()
        status = cls.net.ask_client()[0]
        cls.own = cls.net.relay(status["gateway"])
        cls.exit = next(relay for relay in cls.net.gateways if relay is not cls.own)
        run("nft", "-f", "-", text=COUNTING % {
            "client": CLIENT, "link": LINK_PORT, "own": cls.own.address, "others": cls.exit.address, "proxy": PROXY,
            "dns": DNS})

    @classmethod
    def make_client(cls):
        """Its folder is a small disk of its own, and the others' folder leads there."""
        net, cls.folder = cls.net, cls.public / "client"
        cls.folder.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "none", cls.folder)
        cls.addClassCleanup(run, "umount", cls.folder)
        net.call("nightjar", "init", "--network", net.folder / "network.yaml", "--dir", cls.folder / "state")
        (net.folder / "client").symlink_to(cls.folder / "state")
        text = net.client_config.read_text()
        line = next(line for line in text.splitlines() if line.startswith("listen:"))
        net.client_config.write_text(text.replace(
            line, f"listeners:\n  - proxy: 127.0.0.1:{PROXY}\n  - {{dns: \"127.0.0.1:{DNS}\"}}"))
        cls.program = shutil.copy(net.program("nightjar"), cls.public)
        source, cls.clock, cls.ahead = (cls.public / name for name in ("clock.c", "clock.so", "ahead"))
        source.write_text(CLOCK)
        run("cc", "-shared", "-fPIC", "-O1", source, "-o", cls.clock)
        cls.set_clock(0)
        run("chown", "-R", f"{CLIENT}:{CLIENT}", cls.folder)
        cls.processes.start("client", cls.command(), "nightjar ready SOCKS5", READY_SECONDS)

    @classmethod
    def command(cls):
        return list(map(str, ["setpriv", f"--reuid={CLIENT}", f"--regid={CLIENT}", "--clear-groups", "env",
                              f"LD_PRELOAD={cls.clock}", f"CLOCK_AHEAD={cls.ahead}", cls.program, "run", "--config",
                              cls.folder / "state/client.yaml"]))

    @classmethod
    def set_clock(cls, seconds):
        """In place, for the client has the file's page in its memory."""
        with open(cls.ahead, "r+b" if cls.ahead.exists() else "wb") as file:
            file.write(int(seconds).to_bytes(8, "little", signed=True))
        cls.ahead.chmod(0o644)

    # --- what is sent ---
    def count(self, name):
        return int(re.search(r"packets (\d+)", run("nft", "list", "counter", "inet", "counting", name)).group(1))

    def nothing_went_astray(self, but_to_gateways=False):
        self.assertEqual(self.count("elsewhere"), 0)    # of any user, and of the kernel itself
        self.assertEqual(self.count("astray"), 0)
        if not but_to_gateways:
            self.assertEqual(self.count("to_another_gateway"), 0)

    def programs_ask(self):
        """What makes a client that goes around the network do so: names and addresses, as programs ask for them."""
        curl = ["curl", "-sS", "-m", str(ASKED_SECONDS), "-o", "/dev/null"]
        asked = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, cwd="/")
                 for command in ([*curl, "--proxy", f"socks5h://127.0.0.1:{PROXY}", f"http://{NAME}:8000/small/1"],
                                 [*curl, "--proxy", f"http://127.0.0.1:{PROXY}", "--proxytunnel", f"http://{ELSEWHERE}/"],
                                 [*curl, "--proxy", f"socks5h://127.0.0.1:{PROXY}", f"http://{self.net.outside}:8000/small/2"],
                                 ["dig", "+tries=1", f"+time={ASKED_SECONDS}", "@127.0.0.1", "-p", str(DNS), NAME])]
        for process in asked:
            self.addCleanup(process.wait)

    def status(self):
        try:
            return self.net.ask_client()[0]
        except (OSError, DemoError, ValueError):
            return None     # between two lives of the daemon

    def wait_named(self, name):
        begun = time.monotonic()
        while True:
            self.assertIsNone(self.processes.running["client"].poll(), "the client has ended")
            status = self.status()
            if status and (status["problem"] or {}).get("name") == name:
                return
            self.assertLess(time.monotonic(), begun + PATIENCE, f"not {name}: {status}")
            time.sleep(0.1)

    def wait_answered(self):
        """Until a packet has come back from an exit."""
        begun = time.monotonic()
        while True:
            try:
                return self.net.ask_client("ping")
            except (OSError, DemoError, ValueError):
                self.assertLess(time.monotonic(), begun + PATIENCE, "no exit answers")
                time.sleep(0.1)

    # --- the faults ---
    def test_0_what_counts_can_count(self):
        """A packet of the client's user that goes elsewhere is counted, and so is its link."""
        send = "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.sendto(b'x', ('{}', 9))"
        for address in (ELSEWHERE, "127.0.0.1"):
            run("setpriv", f"--reuid={CLIENT}", f"--regid={CLIENT}", "--clear-groups", sys.executable, "-c",
                send.format(address))
        self.assertEqual((self.count("elsewhere"), self.count("astray")), (1, 2))
        self.assertGreater(self.count("to_gateway"), 0)
        run("nft", "reset", "counters")

    def test_1_the_gateway_is_away_and_then_the_family_of_its_address(self):
        """While the disk is read-only."""
        run("mount", "-o", "remount,ro", self.folder)
        self.addCleanup(run, "mount", "-o", "remount,rw", self.folder)
        self.processes.stop(self.own.name)
        self.programs_ask()
        self.wait_named("unreachable")
        with Impostor(self.own.address, b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n"):
            self.wait_named("captive-portal")
            with self.without_routes():     # so not even the impostor answers
                self.programs_ask()
                self.wait_named("unreachable")
                self.nothing_went_astray()
        self.net.start_relay(self.own)
        self.wait_answered()
        self.nothing_went_astray()

    @contextlib.contextmanager
    def without_routes(self):
        """None of this user's packets finds a way, whatever its address."""
        for words in ("add pref 100 lookup local", "add pref 10 uidrange {0}-{0} unreachable", "del pref 0"):
            run("ip", "rule", *words.format(CLIENT).split())
        try:
            yield
        finally:
            for words in ("add pref 0 lookup local", "del pref 10", "del pref 100"):
                run("ip", "rule", *words.split())

    def test_2_the_disk_is_full_and_the_exit_dies(self):
        filler = self.fill_disk()
        self.programs_ask()
        exit_process = self.processes.running.pop(self.exit.name)
        exit_process.kill()     # without a word to anyone
        exit_process.wait()
        self.programs_ask()
        self.net.start_relay(self.exit)
        self.net.wait_active(self.exit)
        self.wait_answered()
        filler.unlink()
        self.nothing_went_astray()

    def fill_disk(self):
        filler = self.folder / "filler"
        with open(filler, "wb", buffering=0) as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(4096))
        return filler

    def test_3_the_machine_is_suspended(self):
        client = self.processes.running["client"]
        os.kill(client.pid, signal.SIGSTOP)
        self.programs_ask()
        time.sleep(SUSPENDED)
        os.kill(client.pid, signal.SIGCONT)
        self.wait_answered()
        self.nothing_went_astray()

    def test_4_the_clock_is_wrong_and_the_document_expires(self):
        """By the client's clock, so the network goes on. It then asks the gateways of the anchors, and no others."""
        self.processes.stop("client")
        document = (self.net.folder / "document").read_text()
        until = int(re.search(r"^valid-until (\d+)", document, re.M).group(1))
        self.set_clock(until - time.time() - BEFORE_THE_END)
        with open(self.processes.log("client"), "ab") as log:
            self.processes.running["client"] = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent)
        self.programs_ask()
        self.wait_named("clock")
        self.programs_ask()
        self.nothing_went_astray(but_to_gateways=True)
        filler = self.fill_disk()       # the next document cannot be kept
        self.set_clock(0)
        self.wait_answered()
        filler.unlink()
        self.assertEqual(self.status()["gateway"], self.own.name)
        self.nothing_went_astray(but_to_gateways=True)

    def test_5_the_machine_moves_to_another_network(self):
        """Its address is gone with the first network, and the second one gives it another: packets of the link that it
        had go nowhere."""
        self.processes.stop(self.own.name)
        first, second = "10.9.1.1", "10.9.2.1"
        self.has_address(first)
        self.net.start_relay(self.own)
        self.wait_answered()
        self.assertEqual(self.addresses_of_link(), {first})
        run("ip", "address", "del", f"{first}/32", "dev", "lo")
        run("ip", "route", "add", "blackhole", first)       # where the gateway's answers go now
        self.addCleanup(run, "ip", "route", "del", "blackhole", first)
        self.programs_ask()
        self.has_address(second)
        begun = time.monotonic()
        while self.addresses_of_link() != {second}:
            self.assertLess(time.monotonic(), begun + PATIENCE, "no link from the new address")
            time.sleep(0.1)
        self.wait_answered()
        self.nothing_went_astray(but_to_gateways=True)      # test 4 asked another one

    def has_address(self, address):
        """What the client sends to its gateway comes from there."""
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
        run("ip", "route", "replace", "local", self.own.address, "dev", "lo", "src", address, "table", "local")

    def addresses_of_link(self):
        """The client's own ones, of its open links to its gateway."""
        lines = run("ss", "-Htn", "state", "established", "dst", f"{self.own.address}:{LINK_PORT}").splitlines()
        found = {line.split()[2].rsplit(":", 1)[0] for line in lines}
        return {address for address in found if not address.startswith("127.")}


if __name__ == "__main__":
    main("--mount")
