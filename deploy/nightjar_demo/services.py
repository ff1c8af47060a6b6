"""The servers outside the network, on loopback: a DNS server with one name, and a web server.

python3 -m nightjar_demo.services ADDRESS DNS_PORT HTTP_PORT FILE
"""
import hashlib
import os
import signal
import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "files.nightjar.test"
TYPE_A, TYPE_PTR, CLASS_IN = 1, 12, 1
NXDOMAIN = 3
ENDLESS_MAX = 64 << 20


def small_page_text(name):
    """What the web server has under /small/NAME."""
    return f"small page {name}\n" * 40


def dns_answer(query, address):
    """Answers a query with one question: the address for NAME and back, NXDOMAIN for any other name.

    None for a query of another kind.
    """
    ident, flags, questions = struct.unpack_from("!HHH", query)
    if flags & 0xF800 or questions != 1:
        return None
    labels, offset = [], 12
    while query[offset]:
        labels.append(query[offset + 1:offset + 1 + query[offset]].decode("ascii"))
        offset += 1 + query[offset]
    kind, klass = struct.unpack_from("!HH", query, offset + 1)
    question = query[12:offset + 5]
    reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    asked = ".".join(labels).lower()
    known = asked in (NAME, reverse)
    record = b""
    if (asked, kind, klass) == (NAME, TYPE_A, CLASS_IN):
        record = socket.inet_aton(address)
    if (asked, kind, klass) == (reverse, TYPE_PTR, CLASS_IN):
        record = b"".join(bytes([len(label)]) + label.encode() for label in [*NAME.split("."), ""])
    answer = struct.pack("!HHHIH", 0xC00C, kind, klass, 60, len(record)) + record if record else b""
    flags = 0x8400 | (flags & 0x0100) | (0 if known else NXDOMAIN)
    return struct.pack("!HHHHHH", ident, flags, 1, 1 if answer else 0, 0, 0) + question + answer


def serve_dns(udp, address):
    while True:
        query, peer = udp.recvfrom(1500)
        try:
            answer = dns_answer(query, address)
        except (struct.error, IndexError, UnicodeDecodeError):
            continue
        if answer:
            udp.sendto(answer, peer)


class Pages(BaseHTTPRequestHandler):
    content = b""

    def do_GET(self):
        if self.path == "/file":
            self.reply(self.content)
        elif self.path.startswith("/small/"):
            self.reply(small_page_text(self.path[7:40]).encode())
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(ENDLESS_MAX >> 16):
                self.wfile.write(os.urandom(1 << 16))
        else:
            self.send_error(404)

    def do_PUT(self):
        """Answers with the SHA-256 of the request's body."""
        digest, left = hashlib.sha256(), int(self.headers.get("Content-Length", 0))
        while left:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                return
            digest.update(piece)
            left -= len(piece)
        self.reply(digest.hexdigest().encode() + b"\n")

    do_POST = do_PUT

    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the client has closed the connection

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # with the default of 5 the kernel resets some connections of a burst


def main(address, dns_port, http_port, file):
    with open(file, "rb") as source:
        Pages.content = source.read()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, int(dns_port)))
    server = Server((address, int(http_port)), Pages)
    threading.Thread(target=serve_dns, args=(udp, address), daemon=True).start()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("services ready", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main(*sys.argv[1:])
