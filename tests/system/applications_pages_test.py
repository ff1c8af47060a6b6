"""The pages that authority, relay and client make, in Chromium: all of it shows, light and dark, and nothing is loaded."""
import html.parser
import http.server
import struct
import sys
import threading
import unittest
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import chromium  # noqa: E402
from living_testnet import LivingTest  # noqa: E402

SCHEMES = {"light": 1, "dark": 0}   # of --blink-settings=preferredColorScheme
LOADING = {"src", "srcset", "href", "data", "action", "poster", "background"}


class Read(html.parser.HTMLParser):
    """What a page says, and what it would load."""

    def __init__(self, text):
        super().__init__()
        self.words, self.loads, self.tags = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.loads += [f"{tag} {name}={value}" for name, value in attrs
                       if name in LOADING and not (value or "").startswith("#")]

    def handle_data(self, data):
        self.words += data.split()


class Counting(http.server.BaseHTTPRequestHandler):
    """Serves one page and keeps what was asked for."""

    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200 if self.path == "/page" else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if self.path == "/page":
            self.wfile.write(self.server.page)

    def log_message(self, *_):
        pass


def corner(picture):
    """The brightness of a PNG's first pixel, 0 to 255. No filter changes the first pixel of the first row."""
    content, at, rows = picture.read_bytes(), 8, b""
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at:at + 8])
        if kind == b"IDAT":
            rows += content[at + 8:at + 8 + length]
        at += 12 + length
    return sum(zlib.decompress(rows)[1:4]) / 3


class Pages(LivingTest):
    def look(self, name, page, words):
        """`words` are on the page as Chromium has it, and as it was written."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
        server.page, server.asked = page.encode(), []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/page"
        shown = Read(chromium.run("--dump-dom", url))
        for said in (Read(page), shown):
            self.assertEqual(said.loads, [], name)
            self.assertNotIn("script", said.tags, name)
            for word in words:
                self.assertIn(word, said.words, name)
        bright = {}
        for scheme, value in SCHEMES.items():
            picture = self.net.folder / f"{name}-{scheme}.png"
            chromium.run(f"--blink-settings=preferredColorScheme={value}", f"--screenshot={picture}", url)
            bright[scheme] = corner(picture)
        server.shutdown()
        server.server_close()
        self.assertEqual(set(server.asked) - {"/favicon.ico"}, {"/page"}, name)
        self.assertGreater(bright["light"], 200, name)
        self.assertLess(bright["dark"], 60, name)
        print(f"{name}: {len(page)} bytes, {len(shown.words)} words shown, light and dark")

    def call(self, program, config):
        return self.net.call(program, "status", "--html", "-", "--config", config)

    def test_pages(self):
        net = self.net
        self.start()
        relays = [relay.name for relay in net.relays]
        self.look("network", (net.authority / "status.html").read_text(encoding="utf-8"), [*relays, "signed"])
        exit_relay = net.relay("gateway-a")
        self.look("relay", self.call("nightjar-relay", exit_relay.config), ["gateway-a", "active"])
        self.look("client", self.call("nightjar", net.client_config), ["ready"])


if __name__ == "__main__":
    unittest.main()
