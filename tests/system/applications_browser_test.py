"""Chromium, Firefox and torsocks through a network, in a network namespace that counts what goes around it.

The programs run as a user of their own. nftables count each packet of that user, whatever its kind and target,
that does not go to the client's port.
"""
import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

from applications import ApplicationTest, Site
from own_network import main, run  # noqa: E402

USER = 65534
FAR, GATE = "45.0.0.80", "192.0.2.77"  # a public address, and the router to it, in a second namespace: see test_torsocks
FAR_SERVER = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"hello {self.client_address[0]}\\n".encode())
server = http.server.HTTPServer(("", 80), Answer)
print("far ready", flush=True)
server.serve_forever()
"""
IMAGES = 27                 # with the page's style, script and data: 30 resources
PAGE_SECONDS = 60
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
RULES = """table inet trap {
    set seen { type inet_proto . ipv4_addr . inet_service; flags dynamic; size 64; }
    counter proxied {}
    counter astray {}
    chain last {
        type filter hook postrouting priority 300;
        meta skuid %(user)d oif lo ip daddr 127.0.0.1 tcp dport %(port)d counter name proxied accept
        meta skuid %(user)d update @seen { meta l4proto . ip daddr . th dport }
        meta skuid %(user)d counter name astray
    }
}
"""
# What a page can do to make a browser show itself: look up names, ask STUN servers, ask local ports.
PAGE = """<!doctype html><html><head><link rel=stylesheet href=style.css>
<link rel=dns-prefetch href=//prefetched.test><link rel=preconnect href=http://preconnected.test></head><body>
%s<script src=script.js></script></body></html>"""
SCRIPT = """
const candidates = [];
function gather(server) {
  if (!window.RTCPeerConnection) return;
  const link = new RTCPeerConnection({iceServers: [{urls: [server]}]});
  link.onicecandidate = event => { if (event.candidate) candidates.push(event.candidate.candidate); };
  link.createDataChannel('x');
  link.createOffer().then(offer => link.setLocalDescription(offer));
}
window.onload = async () => {
  const data = await (await fetch('data.json')).json();
  const images = [...document.images].filter(image => image.naturalWidth > 0).length;
  const styled = getComputedStyle(document.body).color == 'rgb(1, 2, 3)';
  const loaded = performance.now();
  new Image().src = 'http://127.0.0.1:9/local';
  new Image().src = 'http://localhost:9/local';
  gather('stun:203.0.113.9:3478');
  gather('stun:stun.test:3478');
  await new Promise(done => setTimeout(done, 4000));
  const said = {data: data.word, images, styled, candidates, webrtc: !!window.RTCPeerConnection, loaded};
  fetch('done?' + encodeURIComponent(JSON.stringify(said)));
};
"""
CHROMIUM = ["chromium", "--headless=new", "--disable-gpu", "--no-first-run", "--no-sandbox"]   # the last: no namespaces here
FIREFOX_SETTINGS = {
    "network.proxy.type": 1, "network.proxy.socks_version": 5, "network.proxy.socks_remote_dns": True,
    "network.proxy.no_proxies_on": "", "network.proxy.allow_hijacking_localhost": True,
    "network.trr.mode": 5, "network.http.http3.enable": False, "media.peerconnection.enabled": False,
    "network.dns.disablePrefetch": True, "network.connectivity-service.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.proxy.allow_bypass": False, "network.proxy.failover_direct": False,
}


class Page(Site):
    done = queue.Queue()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/done":
            self.done.put(json.loads(urllib.parse.unquote(query)))
        super().do_GET()


class Browsers(ApplicationTest):
    handler = Page

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            print("skipped: only root can make a network of its own with several users")
            raise unittest.SkipTest("not root")
        cls.public = Path(tempfile.mkdtemp(dir="/dev/shm"))     # the others' folder is for one user only
        os.chown(cls.public, USER, USER)
        cls.addClassCleanup(shutil.rmtree, cls.public, ignore_errors=True)
        super().setUpClass()

    @classmethod
    def start(cls):
        super().start()
        images = "".join(f"<img src={n}.gif>" for n in range(IMAGES))
        for name, content in {"index.html": PAGE % images, "style.css": "body { color: rgb(1, 2, 3); }",
                              "script.js": SCRIPT, "data.json": '{"word": "from the target"}', "done": "thanks"}.items():
            (cls.site_folder / name).write_text(content)
        for number in range(IMAGES):
            (cls.site_folder / f"{number}.gif").write_bytes(GIF + os.urandom(2000))
        run("nft", "-f", "-", text=RULES % {"user": USER, "port": cls.port})

    def setUp(self):
        run("nft", "reset", "counters")
        run("nft", "flush", "set", "inet", "trap", "seen")
        while not self.handler.done.empty():
            self.handler.done.get()

    def count(self, name):
        return int(re.search(r"packets (\d+)", run("nft", "list", "counter", "inet", "trap", name)).group(1))

    def astray(self):
        """How many packets went around the client; where to, as a test's message says it."""
        found = re.search(r"elements = \{(.*?)\}", run("nft", "list", "set", "inet", "trap", "seen"), re.S)
        return self.count("astray"), found and found.group(1)

    def nothing_went_astray(self):
        count, where = self.astray()
        self.assertEqual(count, 0, where)
        self.assertGreater(self.count("proxied"), 0)

    def browse(self, *command, seconds=PAGE_SECONDS):
        """Opens the page. Returns what its script found, or None if it did not run in time."""
        log = open(self.public / "log", "wb")
        self.addCleanup(log.close)
        browser = subprocess.Popen([*map(str, command), f"{self.url}/index.html"], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, user=USER, group=USER, start_new_session=True,
                                   env={**self.environment, "HOME": str(self.public), "XDG_RUNTIME_DIR": str(self.public)})
        try:
            return self.handler.done.get(timeout=seconds)
        except queue.Empty:
            return None
        finally:
            os.killpg(browser.pid, signal.SIGTERM)
            try:
                browser.wait(10)
            except subprocess.TimeoutExpired:
                pass
            with contextlib.suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGKILL)      # its other processes too
            browser.wait()

    def check_page(self, found):
        self.assertIsNotNone(found, (self.public / "log").read_text(errors="replace")[-2000:])
        self.assertEqual((found["data"], found["images"], found["styled"]), ("from the target", IMAGES, True))
        print(f"measured: {self._testMethodName}: 30 resources loaded {found['loaded'] / 1000:.1f} s after the page began")

    # --- Chromium ------------------------------------------------------------------------------

    def chromium(self, *flags, **more):
        return self.browse(*CHROMIUM, f"--user-data-dir={self.public / self._testMethodName}", *flags, **more)

    def test_chromium(self):
        found = self.chromium(
            f"--proxy-server=socks5://{self.net.socks}", "--proxy-bypass-list=<-loopback>",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            "--webrtc-ip-handling-policy=disable_non_proxied_udp", "--disable-quic")
        self.check_page(found)
        self.nothing_went_astray()
        self.assertEqual((found["webrtc"], found["candidates"]), (True, []))

    def test_chromium_with_a_proxy_only_shows_itself(self):
        """What the further flags are for, and that the trap sees it: WebRTC's UDP and lookups of its servers."""
        found = self.chromium(f"--proxy-server=socks5://{self.net.socks}")
        self.check_page(found)
        count, where = self.astray()
        self.assertGreater(count, 0)
        self.assertIn("udp . 203.0.113.9 . 3478", where)
        self.assertRegex(where, r"udp \. [0-9.]+ \. 53\b")

    def test_chromium_without_a_proxy_looks_names_up(self):
        """The trap sees lookups."""
        self.assertIsNone(self.chromium(seconds=15))
        self.assertRegex(self.astray()[1] or "", r"udp \. [0-9.]+ \. 53\b")

    # --- Firefox -------------------------------------------------------------------------------

    def firefox(self, **settings):
        profile = self.public / self._testMethodName
        profile.mkdir()
        settings = {**FIREFOX_SETTINGS, "network.proxy.socks": self.host, "network.proxy.socks_port": self.port, **settings}
        (profile / "user.js").write_text("".join(f'user_pref("{name}", {json.dumps(value)});\n'
                                                 for name, value in settings.items()))
        os.chown(profile, USER, USER)
        return self.browse("firefox-esr", "--headless", "--no-remote", "--profile", profile)

    def test_firefox(self):
        found = self.firefox()
        self.check_page(found)
        self.nothing_went_astray()
        self.assertFalse(found["webrtc"])

    def test_firefox_with_a_proxy_only_shows_itself(self):
        """A request of Firefox's own that fails at the proxy is sent again without it. WebRTC is not: no UDP but lookups."""
        found = self.firefox(**{"media.peerconnection.enabled": True, "network.proxy.allow_bypass": True})
        self.check_page(found)
        for where in self.astray()[1].split(","):       # each name server of this machine
            self.assertRegex(where, r"^\s*udp \. [0-9.]+ \. 53\s*$")

    # --- torsocks ------------------------------------------------------------------------------

    def test_torsocks(self):
        """By a public address: torsocks refuses loopback addresses, and every name of a lab network has one."""
        self.processes.start("far", ["unshare", "--net", sys.executable, "-c", FAR_SERVER], "far ready")
        far = self.processes.running["far"].pid
        run("ip", "link", "set", "far", "netns", far)
        for words in (f"address add {GATE}/24 dev far", f"address add {FAR}/32 dev far", "link set far up"):
            run("nsenter", "-t", far, "--net", "ip", *words.split())
        done = subprocess.run(["torsocks", "-a", self.host, "-P", str(self.port), "wget", "-q", "--tries=1", "-O", "-",
                               f"http://{FAR}/"], capture_output=True, text=True, timeout=60, user=USER, env=self.environment,
                              cwd="/")
        self.assertEqual(done.stdout, "hello 192.0.2.2\n", done.stderr)
        self.nothing_went_astray()


if __name__ == "__main__":
    main()
