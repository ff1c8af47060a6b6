"""Python's libraries through a network: requests, websockets, imaplib with IDLE, and short JSON-RPC.

Run by Debian's interpreter, which has the libraries that Debian packages: /usr/bin/python3.
"""
import asyncio
import imaplib
import json
import os
import queue
import socket
import socketserver
import threading
import time
import unittest

import aiorpcx
import requests
import socks
import websockets

from applications import NAME, ApplicationTest, Site

SILENCE = 12            # seconds; longer than the 10 s after which some proxies cut an idle connection
PATIENCE = 90           # seconds; a user name's first session may take 19 s
WALLET_CONNECTIONS = 8  # more than there are sessions of their own (five)


class Rpc(Site):
    """Answers JSON-RPC over HTTP as Bitcoin Core does."""
    def do_POST(self):
        asked = json.loads(self.body())
        if self.headers.get("Authorization") != "Basic dTpw":       # u:p
            self.send_error(401)
            return
        said = json.dumps({"id": asked["id"], "error": None, "result": [asked["method"], *asked["params"]]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


class Mailbox(socketserver.StreamRequestHandler):
    """As much of an IMAP server as a session of IDLE asks for. `arrivals` holds the mails to announce."""
    arrivals = queue.Queue()

    def say(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def handle(self):
        self.say("* OK ready")
        while line := self.rfile.readline().decode().split():
            tag, command = line[0], line[1].upper()
            if command == "CAPABILITY":
                self.say("* CAPABILITY IMAP4rev1 IDLE", f"{tag} OK done")
            elif command == "SELECT":
                self.say("* 1 EXISTS", f"{tag} OK [READ-WRITE]")
            elif command == "IDLE":
                self.say("+ idling")
                self.say(f"* {self.arrivals.get(timeout=PATIENCE)} EXISTS")
                assert self.rfile.readline() == b"DONE\r\n"
                self.say(f"{tag} OK done")
            elif command == "LOGOUT":
                self.say("* BYE", f"{tag} OK done")
                return
            else:
                self.say(f"{tag} OK done")


class ProxiedImap(imaplib.IMAP4):
    """imaplib has no proxy setting; this is the whole recipe."""
    def __init__(self, proxy, host, port):
        self.proxy = proxy
        super().__init__(host, port)

    def _create_socket(self, timeout):
        return socks.create_connection((self.host, self.port), timeout, proxy_type=socks.SOCKS5,
                                       proxy_addr=self.proxy[0], proxy_port=self.proxy[1], proxy_rdns=True)


class Wallet(aiorpcx.RPCSession):
    """The server's side of a wallet's session: one line of JSON each way."""
    async def handle_request(self, request):
        return [request.method, *request.args]


class PythonLibraries(ApplicationTest):
    handler = Rpc

    @classmethod
    def start(cls):
        super().start()
        cls.content = os.urandom(50_000)
        (cls.site_folder / "file").write_bytes(cls.content)

    def serve(self, server):
        """Runs an asyncio server, made by a coroutine function, in a thread of its own. Returns its port."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        made = asyncio.run_coroutine_threadsafe(server(), loop).result(10)
        self.addCleanup(thread.join, 10)
        self.addCleanup(loop.call_soon_threadsafe, loop.stop)

        async def end():
            made.close()
            await made.wait_closed()
            await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
        self.addCleanup(lambda: asyncio.run_coroutine_threadsafe(end(), loop).result(PATIENCE))
        sockets = made.sockets if hasattr(made, "sockets") else made.server.sockets
        return next(iter(sockets)).getsockname()[1]

    def session(self, credentials=""):
        session = requests.Session()
        session.trust_env = False
        session.proxies = dict.fromkeys(("http", "https"), f"socks5h://{credentials}{self.net.socks}")
        self.addCleanup(session.close)
        return session

    def test_requests(self):
        answer = self.session().get(f"{self.url}/file", timeout=PATIENCE)
        self.assertEqual(answer.content, self.content)

    def test_short_rpc_over_http(self):
        """Ten short calls on one connection, as bitcoin-cli and its libraries make them."""
        session = self.session()
        session.auth = ("u", "p")
        before = len(self.site.owners)
        for number in range(10):
            answer = session.post(self.url, json={"id": number, "method": "getblockhash", "params": [number]}, timeout=PATIENCE)
            self.assertEqual(answer.json(), {"id": number, "error": None, "result": ["getblockhash", number]})
        self.assertEqual(len(self.site.owners), before + 1)

    def test_wallet_connections_with_random_credentials(self):
        """aiorpcX, the library of Electrum's servers and wallets, takes a user name for each connection."""
        async def listen():
            return await aiorpcx.serve_rs(Wallet, self.net.outside, 0)
        port = self.serve(listen)

        async def one(proxy, number):
            async with aiorpcx.connect_rs(NAME, port, proxy=proxy) as session:
                return await session.send_request("blockchain.block.header", [number])

        async def calls():
            proxy = aiorpcx.SOCKSProxy(self.net.socks, aiorpcx.SOCKS5, aiorpcx.SOCKSRandomAuth())
            return await asyncio.wait_for(asyncio.gather(*(one(proxy, n) for n in range(WALLET_CONNECTIONS))), PATIENCE)
        self.assertEqual(asyncio.run(calls()), [["blockchain.block.header", n] for n in range(WALLET_CONNECTIONS)])
        self.assertGreaterEqual(self.net.ask_client()[0]["isolation_keys"], WALLET_CONNECTIONS)

    def test_websockets(self):
        """Echoes, a silence, and a word of the server's own."""
        async def echo(link):
            async for message in link:
                await link.send(message)
                if message == "last":
                    await asyncio.sleep(SILENCE)
                    await link.send("are you there?")

        async def listen():
            return await websockets.serve(echo, self.net.outside, 0)
        port = self.serve(listen)
        # The library (10.4) has no proxy setting, but takes a socket that is connected.
        link = socks.create_connection((NAME, port), PATIENCE, proxy_type=socks.SOCKS5, proxy_addr=self.host,
                                       proxy_port=self.port, proxy_rdns=True)
        link.settimeout(None)
        link.setblocking(False)

        async def talk():
            async with websockets.connect(f"ws://{NAME}:{port}/", sock=link, open_timeout=PATIENCE) as session:
                said = []
                for word in ("one", "x" * 20_000, "last"):
                    await session.send(word)
                    said.append(await asyncio.wait_for(session.recv(), PATIENCE))
                said.append(await asyncio.wait_for(session.recv(), PATIENCE))
                return said
        self.assertEqual(asyncio.run(talk()), ["one", "x" * 20_000, "last", "are you there?"])

    def test_imap_idle(self):
        """The word of a new mail reaches a client that has waited in silence."""
        server = socketserver.ThreadingTCPServer((self.net.outside, 0), Mailbox)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        mail = ProxiedImap((self.host, self.port), NAME, server.server_address[1])
        self.assertIn("IDLE", mail.capabilities)
        mail.login("someone", "password")
        self.assertEqual(mail.select(), ("OK", [b"1"]))
        tag = mail._new_tag()
        mail.send(tag + b" IDLE\r\n")
        self.assertEqual(mail.readline(), b"+ idling\r\n")
        time.sleep(SILENCE)
        begun = time.monotonic()
        Mailbox.arrivals.put(2)
        self.assertEqual(mail.readline(), b"* 2 EXISTS\r\n")
        self.assertLess(time.monotonic() - begun, 5)
        mail.send(b"DONE\r\n")
        self.assertEqual(mail.readline(), tag + b" OK done\r\n")
        self.assertEqual(mail.logout()[0], "BYE")

    def test_a_direct_socket_is_noticed(self):
        """What the other tests rely on: the site sees who connected."""
        with socket.create_connection((self.net.outside, self.site.server_port)):
            deadline = time.monotonic() + 10
            while None not in self.site.owners:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.02)
        self.site.owners.clear()


if __name__ == "__main__":
    unittest.main(verbosity=0)
