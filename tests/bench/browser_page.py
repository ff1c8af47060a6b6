"""A page of 30 resources in headless Chromium, through a network's client: how long it takes to load."""
import http.server
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

DOCUMENT_BYTES, RESOURCE_BYTES, RESOURCES = 30_000, 12_000, 30     # as tests/simulation/first_byte_test.cpp
CONNECTIONS = 6                                                     # Chromium's, to one host by HTTP/1.1
BYTES = DOCUMENT_BYTES + RESOURCES * RESOURCE_BYTES
PATIENCE = 120
WARM_UP_SECONDS = 8     # a browser that starts is busy with itself
GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
SCRIPT = """<script>window.onload = () => setTimeout(() =>
fetch('/loaded/' + performance.getEntriesByType('navigation')[0].loadEventEnd), 0)</script>"""
FLAGS = ["--headless=new", "--disable-gpu", "--no-first-run", "--no-sandbox", "--disable-quic",
         "--proxy-bypass-list=<-loopback>", "--webrtc-ip-handling-policy=disable_non_proxied_udp",
         "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    loaded = queue.Queue()

    def do_GET(self):
        if self.path == "/":
            page = SCRIPT + "".join(f"<img src=/{number}.gif>" for number in range(RESOURCES))
            self.answer("text/html", page.encode().ljust(DOCUMENT_BYTES))
        elif self.path.endswith(".gif"):
            self.answer("image/gif", GIF + os.urandom(RESOURCE_BYTES - len(GIF)))
        elif self.path.startswith("/loaded/"):
            self.loaded.put(float(self.path.removeprefix("/loaded/")) / 1000)
            self.answer("text/plain", b"")
        else:
            self.send_error(404)

    def answer(self, kind, content):
        self.send_response(200)
        for name, value in (("Content-Type", kind), ("Content-Length", len(content)), ("Cache-Control", "no-store")):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A browser that is killed resets its connections."""


def load_once(url, socks):
    """Seconds from the begin of the navigation to the end of `load`, by the browser's clock. The browser has just
    started, and has no connection yet."""
    profile = tempfile.mkdtemp(dir="/dev/shm")
    first = Path(profile) / "first.html"
    first.write_text(f"<script>setTimeout(() => {{ location = '{url}' }}, {1000 * WARM_UP_SECONDS})</script>")
    browser = subprocess.Popen(["chromium", *FLAGS, f"--user-data-dir={profile}", f"--proxy-server=socks5://{socks}", first.as_uri()],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        return Site.loaded.get(timeout=PATIENCE)
    finally:
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()
        shutil.rmtree(profile, ignore_errors=True)


def page_seconds(socks, pages):
    """So many loads, sorted. Each is a new browser's."""
    server = Server(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return sorted(load_once(f"http://127.0.0.1:{server.server_port}/", socks) for _ in range(pages))
    finally:
        server.shutdown()
        server.server_close()


def allowed_seconds(law):
    """What the law allows: a round trip for the document and for each turn of its connections, and then all bytes."""
    return (1 + RESOURCES / CONNECTIONS) * law.round_trip + BYTES / law.goodput_down
