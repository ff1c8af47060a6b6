"""Telegram: Telethon, a real client library, through a network to a listener that speaks the transport.

NIGHTJAR_TELEGRAM_SECONDS=3600 holds both sessions for an hour, in a network that signs documents and in which the client's
exit sessions are handed over every 15 minutes.
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
from testnet import PROGRAMS
from nightjar_demo import law, living

SECONDS = float(os.environ.get("NIGHTJAR_TELEGRAM_SECONDS", "8"))
PING_EACH = min(60.0, SECONDS)
LONG = 600              # seconds; a longer session needs documents
EPOCH = 1200
SESSION_LIFETIME = 900  # an exit is kept for 4 of them at least, so for the hour
FRAMINGS = (ConnectionTcpAbridged, ConnectionTcpIntermediate)


class LongNetwork(living.LivingNetwork):
    def set_parameters(self, folder):
        super().set_parameters(folder)
        with open(folder / "authority.yaml", "a", encoding="utf-8") as settings:
            settings.write(f"  session_lifetime: {SESSION_LIFETIME}s\n")


class Telegram(ApplicationTest):
    @classmethod
    def start(cls):
        if SECONDS >= LONG:
            cls.net = LongNetwork(PROGRAMS, cls.run_folder, cls.processes, law.Law(cls.pps, cls.mixes), False, EPOCH)
        super().start()
        cls.server = Server(cls.net.outside)
        cls.addClassCleanup(cls.server.close)

    def client(self, framing):
        session = MemorySession()
        session.set_dc(2, self.net.outside, self.server.port)    # by address, as Telegram's programs do
        return TelegramClient(session, 1, "x", connection=framing, connection_retries=1, auto_reconnect=False, timeout=60,
                              proxy=(socks.SOCKS5, self.host, self.port, True))

    async def hold(self, framing):
        """Agrees on a key, is silent between pings, and is still the same connection at the end. Returns how long each
        answer took."""
        client = self.client(framing)
        begun = time.monotonic()
        await client.connect()
        print(f"measured: {framing.__name__} connects in {time.monotonic() - begun:.1f} s", flush=True)
        until, took = time.monotonic() + SECONDS, []
        while time.monotonic() < until:
            await asyncio.sleep(PING_EACH)
            asked = time.monotonic()
            await client._sender.send(functions.PingRequest(len(took) + 1))
            took.append(time.monotonic() - asked)
        await client.disconnect()
        return took

    def test_sessions(self):
        """One in each framing, at once."""
        async def talk():
            return await asyncio.gather(*map(self.hold, FRAMINGS))
        pings = 0
        for framing, took in zip(FRAMINGS, asyncio.run(talk())):
            self.assertGreaterEqual(len(took), 1)
            print(f"measured: {framing.__name__}: {len(took)} pings answered in {min(took):.2f} to {max(took):.2f} s, "
                  f"half of them in {sorted(took)[len(took) // 2]:.2f} s", flush=True)
            pings += len(took)
        self.assertGreaterEqual(self.server.pings, pings)
        self.assertEqual(self.server.connections, len(FRAMINGS))

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
