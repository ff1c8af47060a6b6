"""Streams whose every byte is checked at both ends: a server outside the network, and applications that use it.

An application writes a header and `up` bytes through SOCKS5, ends its direction, and reads `down` bytes. Both
directions have bytes that follow from the stream's seed. Whatever happens in between, what arrives must be a prefix of
them, and an orderly end must come after all of them and never before. An end that is no orderly one is a reset.
"""
import hashlib
import random
import secrets
import socket
import struct
import threading
import time
from dataclasses import dataclass

PORT = 8100
HEADER = struct.Struct("!16sII")
PIECE = 1 << 14
SERVER_SECONDS = 900        # longer than any application waits
WHOLE, RESET, REFUSED, LEFT = "whole", "reset", "refused", "left by its application"


def content(seed, direction, size):
    return hashlib.shake_128(seed + direction).digest(size)


class Wrong(Exception):
    """An invariant that does not hold."""


def read_checked(link, expected, what):
    """Reads to the orderly end. Wrong if other bytes arrive, or if that end comes too early. OSError is a reset."""
    at = 0
    while True:
        piece = link.recv(PIECE)
        if not piece:
            break
        if piece != expected[at:at + len(piece)]:
            raise Wrong(f"{what}: other bytes than were sent, after {at} of {len(expected)}")
        at += len(piece)
    if at != len(expected):
        raise Wrong(f"{what}: an orderly end after {at} of {len(expected)} bytes")


def read_exactly(link, size):
    got = b""
    while len(got) < size:
        piece = link.recv(size - len(got))
        if not piece:
            raise OSError("ended early")
        got += piece
    return got


class Server:
    """Answers checked streams on `address`. `wrong` lists the invariants that did not hold at this end."""

    def __init__(self, address):
        self.wrong, self.open = [], 0
        self.lock = threading.Lock()
        self.left = set()   # seeds of the streams that their applications left
        self.listener = socket.create_server((address, PORT), backlog=512)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            link, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(link,), daemon=True).start()

    def serve(self, link):
        seed = b""
        with self.lock:
            self.open += 1
        try:
            with link:
                link.settimeout(SERVER_SECONDS)
                seed, up, down = HEADER.unpack(read_exactly(link, HEADER.size))
                read_checked(link, content(seed, b"up", up), f"stream {seed.hex()[:8]}, up")
                link.sendall(content(seed, b"down", down))
        except OSError:
            pass    # a reset, which the other end judges
        except Wrong as wrong:
            with self.lock:
                if seed not in self.left:
                    self.wrong.append(str(wrong))
        finally:
            with self.lock:
                self.open -= 1


@dataclass
class Outcome:
    began: float
    ended: float
    what: str           # WHOLE, RESET, REFUSED or LEFT
    detail: str
    size: int


class Application:
    """Uses one stream after the other through `socks` (HOST:PORT), until stop() is called."""

    def __init__(self, server, address, socks, seed, patience):
        self.server, self.address, self.patience = server, address, patience
        host, port = socks.rsplit(":", 1)
        self.socks = (host, int(port))
        self.random = random.Random(seed)
        self.outcomes, self.wrong = [], []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping.set()

    def run(self):
        while not self.stopping.is_set():
            began = time.monotonic()
            up, down = (int(2 ** self.random.uniform(6, 18)) for _ in range(2))
            leaves = self.random.random() < 0.1
            try:
                what, detail = self.stream(secrets.token_bytes(16), up, down, leaves)
            except Wrong as wrong:
                self.wrong.append(str(wrong))
                continue
            self.outcomes.append(Outcome(began, time.monotonic(), what, detail, up + down))
            self.stopping.wait(self.random.uniform(0, 1) if what in (WHOLE, LEFT) else 2)

    def stream(self, seed, up, down, leaves):
        try:
            link = socket.create_connection(self.socks, 10)
        except OSError as error:
            return REFUSED, f"no client: {error.strerror or error}"
        with link:
            link.settimeout(self.patience)
            try:
                reply = self.open(link)
                if reply:
                    return REFUSED, f"reply {reply}"
                link.sendall(HEADER.pack(seed, up, down))
                if leaves:
                    with self.server.lock:
                        self.server.left.add(seed)
                    link.sendall(content(seed, b"up", up)[:up // 2])
                    return LEFT, ""
                link.sendall(content(seed, b"up", up))
                link.shutdown(socket.SHUT_WR)
                read_checked(link, content(seed, b"down", down), f"stream {seed.hex()[:8]}, down")
                return WHOLE, ""
            except TimeoutError:
                raise Wrong(f"stream {seed.hex()[:8]}: nothing for {self.patience:.0f} s, and no end") from None
            except OSError as error:
                return RESET, error.strerror or str(error)

    def open(self, link):
        """Opens the stream with one of three isolation keys. Returns SOCKS5's reply code."""
        key = b"key-%d" % self.random.randrange(3)
        link.sendall(b"\x05\x01\x02\x01" + bytes([len(key)]) + key + b"\x01x")
        if read_exactly(link, 4) != b"\x05\x02\x01\x00":
            raise OSError("the client refuses the password")
        link.sendall(b"\x05\x01\x00\x01" + socket.inet_aton(self.address) + struct.pack("!H", PORT))
        return read_exactly(link, 10)[1]
