"""Telegram: Telethon, a real client library, through a network to a listener that speaks the transport.

NIGHTJAR_TELEGRAM_SECONDS=3600 holds each session for an hour.
"""
import asyncio
import os
import subprocess
import time
import unittest

import socks
from telethon import TelegramClient, functions
from telethon.network.connection import ConnectionTcpAbridged, ConnectionTcpIntermediate
from telethon.sessions import MemorySession

from applications import ApplicationTest
from applications_mtproto import Server

SECONDS = float(os.environ.get("NIGHTJAR_TELEGRAM_SECONDS", "8"))
PING_EACH = min(60.0, SECONDS)


class Telegram(ApplicationTest):
    @classmethod
    def start(cls):
        super().start()
        cls.server = Server(cls.net.outside)
        cls.addClassCleanup(cls.server.close)

    def client(self, framing):
        session = MemorySession()
        session.set_dc(2, self.net.outside, self.server.port)    # by address, as Telegram's programs do
        return TelegramClient(session, 1, "x", connection=framing, connection_retries=1, auto_reconnect=False, timeout=60,
                              proxy=(socks.SOCKS5, self.host, self.port, True))

    def hold(self, framing):
        """Agrees on a key, is silent between pings, and is still the same connection at the end."""
        async def talk():
            client = self.client(framing)
            begun = time.monotonic()
            await client.connect()
            print(f"measured: {framing.__name__} connects in {time.monotonic() - begun:.1f} s")
            until, pings = time.monotonic() + SECONDS, 0
            while time.monotonic() < until:
                await asyncio.sleep(PING_EACH)
                pings += 1
                await client._sender.send(functions.PingRequest(pings))
            await client.disconnect()
            return pings
        connections, answered = self.server.connections, self.server.pings
        pings = asyncio.run(talk())
        self.assertGreaterEqual(pings, 1)
        self.assertGreaterEqual(self.server.pings, answered + pings)
        self.assertEqual(self.server.connections, connections + 1)

    def test_abridged(self):
        self.hold(ConnectionTcpAbridged)

    def test_intermediate(self):
        self.hold(ConnectionTcpIntermediate)

    def test_the_command_prints_a_link(self):
        """With a port of its own; the network's client takes any free one, which no link can name."""
        command = [self.net.program("nightjar"), "telegram", "--config"]
        done = subprocess.run([*command, self.net.client_config], capture_output=True, text=True)
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"^nightjar: .*client.yaml: no proxy listens on a fixed TCP port.*\n$")
        folder = self.net.folder / "named"
        self.net.call("nightjar", "init", "--network", self.net.anchors, "--dir", folder, "--listen", "127.0.0.1:9150")
        done = subprocess.run([*command, folder / "client.yaml"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines()[0], "tg://socks?server=127.0.0.1&port=9150")
        self.assertIn("Still visible:", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=0)
