#!/usr/bin/env python3
"""Generates tests/vectors/nightjar.json: deterministic packets and SURBs of the network's own size.

Written from docs/packet-format.md in plain Python. It shares no code with the library, not even a
cipher. It is slow and not in constant time, which is fine for vectors. Tests only read the file:

    tests/vectors/generate.py > tests/vectors/nightjar.json
    tests/vectors/generate.py --check        compares with the existing file
"""
import hashlib
import hmac
import json
import struct
import sys
from pathlib import Path

P = 2**255 - 19
INFO = (b"Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton topothetisw kai tha kinisw "
        b"thn gh.")
PAYLOAD_SALT = b"sphinx-payload-key-V01-CS01-HKDF:SHA256-SALT"
PAYLOAD_INFO = b"sphinx-payload-key-V01-CS01-HKDF:SHA256-INFO"


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def x25519(scalar, point):
    """RFC 7748."""
    k = int.from_bytes(scalar, "little") & ~7 & (2**255 - 1) | 2**254
    u = int.from_bytes(point, "little") % 2**255 % P
    x2, z2, x3, z3, swap = 1, 0, u, 1, 0
    for bit in reversed(range(255)):
        if swap ^ (k >> bit & 1):
            x2, z2, x3, z3 = x3, z3, x2, z2
        swap = k >> bit & 1
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASE = (9).to_bytes(32, "little")


def hkdf(salt, material, info, size):
    key = hmac.digest(salt or bytes(32), material, "sha256")
    out = block = b""
    while len(out) < size:
        block = hmac.digest(key, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:size]


def aes_tables():
    box, p, q = [0] * 256, 1, 1
    while True:
        p ^= (p << 1) ^ (0x11B if p & 0x80 else 0)
        p &= 0xFF
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q
        for n in range(1, 5):
            turned ^= (q << n | q >> (8 - n)) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            box[0] = 0x63
            return box


SBOX = aes_tables()


def aes_block(key, block):
    """AES-128 (FIPS 197)."""
    words, rcon = [list(key[4 * i:4 * i + 4]) for i in range(4)], 1
    for i in range(4, 44):
        t = words[-1]
        if i % 4 == 0:
            t = [SBOX[b] for b in t[1:] + t[:1]]
            t[0] ^= rcon
            rcon = rcon << 1 ^ (0x11B if rcon & 0x80 else 0)
        words.append([x ^ y for x, y in zip(words[i - 4], t)])
    keys = [sum(words[4 * r:4 * r + 4], []) for r in range(11)]
    double = lambda x: (x << 1 ^ (0x1B if x & 0x80 else 0)) & 0xFF
    s = [x ^ y for x, y in zip(block, keys[0])]
    for r in range(1, 11):
        s = [SBOX[s[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if r < 10:
            mixed = []
            for c in range(0, 16, 4):
                a = s[c:c + 4]
                mixed += [double(a[i]) ^ double(a[(i + 1) % 4]) ^ a[(i + 1) % 4] ^ a[(i + 2) % 4]
                          ^ a[(i + 3) % 4] for i in range(4)]
            s = mixed
        s = [x ^ y for x, y in zip(s, keys[r])]
    return bytes(s)


def aes_stream(key, size):
    return b"".join(aes_block(key, i.to_bytes(16, "big")) for i in range(size // 16 + 1))[:size]


def chacha_stream(key, size):
    """ChaCha20, counter and nonce zero."""
    out = b""
    for counter in range(size // 64 + 1):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<IIII", counter, 0, 0, 0)))
        s = start[:]
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                               (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                    s[x] = (s[x] + s[y]) & 0xFFFFFFFF
                    t = s[z] ^ s[x]
                    s[z] = (t << n | t >> (32 - n)) & 0xFFFFFFFF
        out += struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(s, start)))
    return out[:size]


def lioness(key, payload, encrypt):
    k1, k2, k3, k4 = key[:32], key[32:96], key[96:128], key[128:]
    left, right = payload[:32], payload[32:]
    steps = [("s", k1), ("h", k2), ("s", k3), ("h", k4)]
    for kind, k in steps if encrypt else reversed(steps):
        if kind == "s":
            right = xor(right, chacha_stream(xor(left, k), len(right)))
        else:
            left = xor(left, hashlib.blake2b(right, key=k, digest_size=32).digest())
    return left + right


class Keys:
    def __init__(self, shared):
        expanded = hkdf(b"", shared, INFO, 288)
        self.shared, self.cipher, self.mac = shared, expanded[:16], expanded[16:32]
        self.seed, self.blinding, self.tag = expanded[32:48], expanded[224:256], expanded[256:]
        self.payload = hkdf(PAYLOAD_SALT, self.seed, PAYLOAD_INFO, 192)

    def gamma(self, beta):
        return hmac.digest(self.mac, beta, "sha256")[:16]


def header(version, case, keys):
    n, version = len(keys), b"\x00" + version.to_bytes(2, "big")
    filler = b""
    for k in keys[:-1]:
        filler += bytes(60)
        filler = xor(filler, aes_stream(k.cipher, 360)[-len(filler):])
    own = b"\x02" + version + case["destination"] + case["identifier"] + case["padding"]
    beta = xor(own, aes_stream(keys[-1].cipher, len(own))) + filler
    assert len(beta) == 300
    gamma = keys[-1].gamma(beta)
    for i in reversed(range(n - 1)):
        block = (b"\x01" + version + case["nodes"][i + 1]["address"] + case["delays"][i].to_bytes(8, "big")
                 + gamma + beta[:240])
        beta = xor(block, aes_stream(keys[i].cipher, 300))
        gamma = keys[i].gamma(beta)
    return x25519(case["x"], BASE) + gamma + beta


def sender_keys(case):
    keys = []
    for node in case["nodes"]:
        point = x25519(case["x"], node["public"])
        for k in keys:
            point = x25519(k.blinding, point)
        keys.append(Keys(point))
    return keys


def framed(message, size):
    return (bytes(16) + message + b"\x01").ljust(size, b"\x00")


def steps(case, packet, reads):
    out = []
    for i, node in enumerate(case["nodes"]):
        k = Keys(x25519(node["secret"], packet[:32]))
        assert k.gamma(packet[48:348]) == packet[32:48]
        block = xor(packet[48:348] + bytes(60), aes_stream(k.cipher, 360))
        payload = lioness(k.payload, packet[348:], False)
        step = {"shared_secret": k.shared, "replay_tag": k.tag, "flag": block[0]}
        if block[0] == 1:
            packet = x25519(k.blinding, packet[:32]) + block[44:360] + payload
            step |= {"next_address": block[4:36], "delay_ns": int.from_bytes(block[36:44], "big"),
                     "next_packet": packet}
        else:
            step |= {"destination": block[4:36], "identifier": block[36:52], "payload": payload}
            if reads:
                step["message"] = case["message"]
        out.append(step)
    return out


def make_case(name, hops, payload_size, message_size):
    """The source of all random values: SHAKE-256 over the case's name."""
    stream, at = hashlib.shake_256(b"nightjar vectors 1: " + name.encode()).digest(20000), 0

    def draw(size):
        nonlocal at
        at += size
        return stream[at - size:at]

    nodes = []
    for _ in range(hops):
        secret = draw(32)
        nodes.append({"secret": secret, "public": x25519(secret, BASE), "address": draw(32)})
    delays = [int.from_bytes(draw(8), "big") >> (0 if i % 2 else 34) for i in range(hops)]
    return {"name": name, "payload_size": payload_size, "nodes": nodes, "delays": delays,
            "destination": draw(32), "identifier": draw(16), "x": draw(32),
            "padding": draw(248 - 60 * (hops - 1)), "message": draw(message_size)}


def common(case, version):
    return {"name": case["name"], "version": version, "payload_size": case["payload_size"],
            "nodes": case["nodes"], "delays_ns": case["delays"], "destination": case["destination"],
            "identifier": case["identifier"], "message": case["message"], "initial_secret": case["x"],
            "final_padding": case["padding"]}


def forward(version, hops, size, message_size):
    case = make_case(f"forward v{version} hops{hops} payload{size} message{message_size}", hops, size, message_size)
    keys = sender_keys(case)
    payload = framed(case["message"], size)
    for k in reversed(keys):
        payload = lioness(k.payload, payload, True)
    packet = header(version, case, keys) + payload
    return common(case, version) | {"packet": packet, "steps": steps(case, packet, True)}


def surb(hops, size, message_size):
    case = make_case(f"surb hops{hops} payload{size} message{message_size}", hops, size, message_size)
    keys = sender_keys(case)
    head = header(260, case, keys)
    packet = head + lioness(keys[-1].payload, framed(case["message"], size), True)
    return common(case, 260) | {
        "surb": head + case["nodes"][0]["address"] + keys[-1].seed,
        "recovery": case["identifier"] + b"".join(k.seed for k in keys),
        "first_hop": case["nodes"][0]["address"], "packet": packet, "steps": steps(case, packet, False)}


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def main():
    vectors = {
        "format": "nightjar 1, made by generate.py from docs/packet-format.md",
        "forward": [forward(260, 5, 2065, 2048), forward(260, 1, 2065, 0), forward(259, 3, 2065, 1000),
                    forward(260, 2, 33, 16), forward(259, 4, 77, 1), forward(260, 5, 128, 111)],
        "surb": [surb(4, 2065, 2048), surb(1, 64, 0), surb(3, 2065, 77), surb(5, 33, 16)]}
    text = json.dumps(plain(vectors), indent=1) + "\n"
    if sys.argv[1:] == ["--check"]:
        same = (Path(__file__).parent / "nightjar.json").read_text() == text
        print(f"{int(same)} passed, {int(not same)} failed")
        return 0 if same else 1
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
