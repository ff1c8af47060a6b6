"""deploy/whole-machine: the programs of a user have the client or nothing.

All of it runs in a network namespace of its own, whose only way out is the loopback device. A table of
nftables of the test's own counts, behind all others, what the user and the client send besides.
"""
import re
import shutil
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from own_network import OwnNetworkTest, main, run  # noqa: E402
from testnet import ROOT  # noqa: E402
from nightjar_demo.network import LINK_PORT, READY_SECONDS  # noqa: E402
from nightjar_demo.services import NAME, small_page_text  # noqa: E402

USER, CLIENT = 65534, 65533
PROXY, DNS, TRANSPARENT = 9150, 9153, 9140
LISTENERS = f"""listeners:
  - proxy: 127.0.0.1:{PROXY}
  - {{dns: "127.0.0.1:{DNS}", map: 198.18.0.0/15}}
  - transparent: 127.0.0.1:{TRANSPARENT}
"""
ELSEWHERE = "203.0.113.9"
COUNTING = """table inet counting {
    chain last {
        type filter hook postrouting priority 300;
        oifname != "lo" ip daddr != 127.0.0.0/8 counter name elsewhere
        meta skuid %(user)d oif lo ip daddr 127.0.0.1 tcp dport { %(ports)s } accept
        meta skuid %(user)d oif lo ip daddr 127.0.0.1 udp dport %(dns)d accept
        meta skuid %(user)d counter name user_astray
        meta skuid %(client)d ip daddr { %(gateways)s } tcp dport %(link)d counter name client_to_gateway accept
        meta skuid %(client)d oif lo ct direction reply accept
        meta skuid %(client)d counter name client_astray
    }
    counter elsewhere {}
    counter user_astray {}
    counter client_to_gateway {}
    counter client_astray {}
}
"""


class WholeMachine(OwnNetworkTest):
    @classmethod
    def start(cls):
        cls.net.start_client = cls.start_client
        super().start()
        ports = ", ".join(map(str, (PROXY, DNS, TRANSPARENT)))
        run("nft", "-f", "-", text=COUNTING % {
            "user": USER, "client": CLIENT, "ports": ports, "dns": DNS, "link": LINK_PORT,
            "gateways": ", ".join(relay.address for relay in cls.net.gateways)})
        run(ROOT / "deploy" / "whole-machine", "on", USER)

    @classmethod
    def start_client(cls):
        """As a user of its own, so that its packets can be told from others."""
        net = cls.net
        folder = cls.public / "client"
        net.call("nightjar", "init", "--network", net.folder / "network.yaml", "--dir", folder)
        config = folder / "client.yaml"
        text = config.read_text()
        line = next(line for line in text.splitlines() if line.startswith("listen:"))
        config.write_text(text.replace(line + "\n", LISTENERS))
        program = shutil.copy(net.program("nightjar"), cls.public)
        run("chown", "-R", f"{CLIENT}:{CLIENT}", folder)
        cls.processes.start("client", ["setpriv", f"--reuid={CLIENT}", f"--regid={CLIENT}", "--clear-groups", program,
                                       "run", "--config", config], "nightjar ready SOCKS5", READY_SECONDS)

    def count(self, name):
        return int(re.search(r"packets (\d+)", run("nft", "list", "counter", "inet", "counting", name)).group(1))

    def nothing_went_astray(self):
        self.assertEqual(self.count("elsewhere"), 0)      # of any user, and of the kernel itself
        self.assertEqual(self.count("user_astray"), 0)
        self.assertEqual(self.count("client_astray"), 0)

    def as_user(self, *command, **more):
        return run(*command, user=USER, **more)

    def test_0_what_counts_can_count(self):
        """A packet of the user that no rule holds is counted: without the guard, and only then."""
        run(ROOT / "deploy" / "whole-machine", "off", USER)
        try:
            self.as_user("python3", "-c", f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('{ELSEWHERE}', 9))")
            self.assertEqual(self.count("user_astray"), 1)
            self.assertEqual(self.count("elsewhere"), 1)
        finally:
            run(ROOT / "deploy" / "whole-machine", "on", USER)
            run("nft", "reset", "counters")

    def test_programs_without_a_proxy_setting(self):
        to_gateway = self.count("client_to_gateway")
        page = self.as_user("curl", "-sS", "-m", "60", f"http://{NAME}:8000/small/1")
        self.assertEqual(page, small_page_text(1))
        self.assertEqual(self.as_user("wget", "-q", "-O", "-", "--tries=1", f"http://{NAME}:8000/small/2"),
                         small_page_text(2))
        by_address = self.as_user("curl", "-sS", "-m", "60", f"http://{self.net.outside}:8000/small/3")
        self.assertEqual(by_address, small_page_text(3))
        by_proxy = self.as_user("curl", "-sS", "-m", "60", "--proxy", f"socks5h://127.0.0.1:{PROXY}", f"http://{NAME}:8000/small/4")
        self.assertEqual(by_proxy, small_page_text(4))
        self.assertGreater(self.count("client_to_gateway"), to_gateway)
        self.nothing_went_astray()

    def test_names_stand_for_addresses_of_the_range(self):
        """The C library and dig get the same address for a name, and no IPv6 address."""
        found = self.as_user("getent", "ahosts", NAME).split()[0]
        self.assertRegex(found, r"^198\.1[89]\.")
        self.assertEqual(self.as_user("dig", "+short", "@192.0.2.1", NAME.upper(), "A").strip(), found)
        self.assertEqual(self.as_user("dig", "+short", "+tcp", "@192.0.2.1", NAME, "AAAA").strip(), "")
        self.assertIn("NXDOMAIN", self.as_user("dig", "@192.0.2.1", "-x", found))
        self.assertEqual(self.as_user("dig", "+short", "@192.0.2.1", "-x", self.net.outside).strip(), NAME + ".")
        self.nothing_went_astray()

    def test_what_cannot_go_through_goes_nowhere(self):
        send = "import socket; s = socket.socket({}, socket.SOCK_DGRAM); s.connect(('{}', {})); s.send(b'x')"
        for family, address, port in (("socket.AF_INET", ELSEWHERE, 123), ("socket.AF_INET", "127.0.0.1", 9),
                                      ("socket.AF_INET6", "::1", 9), ("socket.AF_INET", self.net.outside, 8000)):
            self.as_user("python3", "-c", send.format(family, address, port), code=1)
        # An address of the range that no name has, a local port, and IPv6.
        for url in ("http://198.19.255.254/", "http://127.0.0.1:1/", "http://[::1]:1/"):
            self.as_user("curl", "-sS", "-m", "20", url, code=None)
        self.assertEqual(self.as_user("curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{num_connects}",
                                      "http://no-such-name.test/", code=None), "1")
        self.nothing_went_astray()

    def test_a_connection_that_was_not_redirected_is_reset(self):
        """The port itself, as root, whose packets go as they are: it would be sent to itself."""
        with self.assertRaises(ConnectionResetError):
            with socket.create_connection(("127.0.0.1", TRANSPARENT), 10) as link:
                link.settimeout(10)
                link.recv(1)

    def test_z_without_the_client_nothing_gets_out(self):
        self.processes.stop("client")
        begun = time.monotonic()
        self.as_user("curl", "-sS", "-m", "30", f"http://{self.net.outside}:8000/small/1", code=7)
        self.as_user("curl", "-sS", "-m", "30", f"http://{NAME}:8000/small/1", code=6)
        self.assertLess(time.monotonic() - begun, 60)
        self.nothing_went_astray()


if __name__ == "__main__":
    main()
