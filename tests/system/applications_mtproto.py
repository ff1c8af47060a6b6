"""A listener that speaks Telegram's transport: the whole exchange of keys, and encrypted messages after it.

After https://core.telegram.org/mtproto. It answers what a client asks when it connects, and pings. Telethon's own classes
read and write the messages, so this shows nothing about them. It shows that a session of the real client holds.
"""
import asyncio
import inspect
import os
import struct
import threading
import time
import traceback
from hashlib import sha1, sha256

import rsa as rsa_numbers
from telethon.crypto import AES, AuthKey, rsa
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.network.mtprotostate import MTProtoState
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.connection.tcpintermediate import IntermediatePacketCodec
from telethon.tl import TLRequest, functions, types
from telethon.tl.core import MessageContainer

# RFC 3526, group 14: a safe prime of 2048 bits, with generator 2.
PRIME = int("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD"
            "3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F"
            "24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552"
            "BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF0"
            "6F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF", 16)
PQ = (1_229_739_323, 1_402_015_859)     # two primes, to be found by the client from their product
RPC_RESULT = 0xF35C6D01
CODECS = {b"\xef": AbridgedPacketCodec, b"\xee": IntermediatePacketCodec}


def number(data):
    return int.from_bytes(data, "big")


def filled(kind):
    """An object of this type whose every required field is empty or zero."""
    zeros = {"int": 0, "str": "", "list": [], "bool": False}
    return kind(**{name: None if field.default is None else zeros.get(getattr(field.annotation, "__name__", "list"), [])
                   for name, field in inspect.signature(kind).parameters.items()})


class Session:
    """One connection of a client."""

    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.key = None
        self.last_id = 0

    async def serve(self):
        first = await self.reader.readexactly(1)
        if first == b"\xee":
            await self.reader.readexactly(3)
        self.codec = CODECS[first](None)
        while True:
            packet = await self.codec.read_packet(self.reader)
            if packet[:8] == bytes(8):
                self.send_plain(self.agree(BinaryReader(packet[20:]).tgread_object()))
            else:
                self.take_encrypted(packet)
            await self.writer.drain()

    def message_id(self):
        """A server's: its time, and odd."""
        self.last_id = max(self.last_id + 4, int(time.time() * 2**32) & ~3 | 1)
        return self.last_id

    def send(self, packet):
        self.writer.write(self.codec.encode_packet(packet))

    # --- the exchange of keys ------------------------------------------------------------------

    def send_plain(self, answer):
        body = bytes(answer)
        self.send(bytes(8) + struct.pack("<qi", self.message_id(), len(body)) + body)

    def agree(self, asked):
        if isinstance(asked, functions.ReqPqMultiRequest):
            self.nonce, self.server_nonce = asked.nonce, int.from_bytes(os.urandom(16), "little", signed=True)
            return types.ResPQ(self.nonce, self.server_nonce, rsa.get_byte_array(PQ[0] * PQ[1]), [self.server.fingerprint])
        if isinstance(asked, functions.ReqDHParamsRequest):
            return self.offer(asked)
        if isinstance(asked, functions.SetClientDHParamsRequest):
            return self.conclude(asked)
        raise ValueError(f"not a step of the exchange: {asked}")

    def offer(self, asked):
        plain = pow(number(asked.encrypted_data), self.server.key.d, self.server.key.n).to_bytes(255, "big")
        inner = BinaryReader(plain[20:]).tgread_object()
        assert sha1(bytes(inner)).digest() == plain[:20]
        self.new_nonce = inner.new_nonce
        self.secret = number(os.urandom(256))
        answer = bytes(types.ServerDHInnerData(self.nonce, self.server_nonce, 2, rsa.get_byte_array(PRIME),
                                               rsa.get_byte_array(pow(2, self.secret, PRIME)), int(time.time())))
        plain = sha1(answer).digest() + answer
        return types.ServerDHParamsOk(self.nonce, self.server_nonce,
                                      AES.encrypt_ige(plain + bytes(-len(plain) % 16), *self.temporary()))

    def temporary(self):
        return generate_key_data_from_nonce(self.server_nonce, self.new_nonce)

    def conclude(self, asked):
        inner = BinaryReader(AES.decrypt_ige(asked.encrypted_data, *self.temporary())[20:]).tgread_object()
        self.key = AuthKey(rsa.get_byte_array(pow(number(inner.g_b), self.secret, PRIME)))
        return types.DhGenOk(self.nonce, self.server_nonce, self.key.calc_new_nonce_hash(self.new_nonce, 1))

    # --- messages ------------------------------------------------------------------------------

    def take_encrypted(self, packet):
        message_key = packet[8:24]
        plain = AES.decrypt_ige(packet[24:], *MTProtoState._calc_key(self.key.key, message_key, True))
        assert sha256(self.key.key[88:120] + plain).digest()[8:24] == message_key
        self.session = plain[8:16]
        ident, _, length = struct.unpack("<qii", plain[16:32])
        self.answer(ident, BinaryReader(plain[32:32 + length]).tgread_object())

    def answer(self, ident, asked):
        if isinstance(asked, MessageContainer):
            for message in asked.messages:
                self.answer(message.msg_id, message.obj)
        elif isinstance(asked, (functions.PingRequest, functions.PingDelayDisconnectRequest)):
            self.server.pings += 1
            self.send_encrypted(bytes(types.Pong(ident, asked.ping_id)))
        elif isinstance(asked, functions.InvokeWithLayerRequest):
            self.send_result(ident, filled(types.Config))
        elif isinstance(asked, TLRequest):
            self.send_result(ident, types.RpcError(401, "AUTH_KEY_UNREGISTERED"))   # as before a login

    def send_result(self, ident, result):
        self.send_encrypted(struct.pack("<Iq", RPC_RESULT, ident) + bytes(result))

    def send_encrypted(self, body):
        plain = bytes(8) + self.session + struct.pack("<qii", self.message_id(), 1, len(body)) + body
        plain += os.urandom(-(len(plain) + 12) % 16 + 12)
        message_key = sha256(self.key.key[96:128] + plain).digest()[8:24]
        encrypted = AES.encrypt_ige(plain, *MTProtoState._calc_key(self.key.key, message_key, False))
        self.send(struct.pack("<Q", self.key.key_id) + message_key + encrypted)


class Server:
    """Listens in a thread of its own. Telethon gets its public key here; Telegram's own keys are built in."""

    def __init__(self, address):
        self.connections = self.pings = 0
        public, self.key = rsa_numbers.newkeys(2048)
        rsa.add_key(public.save_pkcs1().decode(), old=False)
        self.fingerprint = rsa._compute_fingerprint(public)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.listener = self.call(asyncio.start_server(self.connected, address, 0))
        self.port = self.listener.sockets[0].getsockname()[1]

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    async def connected(self, reader, writer):
        self.connections += 1
        try:
            await Session(self, reader, writer).serve()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass        # the client has gone
        except Exception:
            traceback.print_exc()
        finally:
            writer.close()

    async def sessions_end(self):
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})

    def close(self):
        self.listener.close()
        self.call(self.sessions_end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
