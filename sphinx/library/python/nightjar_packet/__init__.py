"""Sphinx packets in Nightjar's format: build, unwrap, and single-use reply blocks (SURBs).

docs/library.md of Nightjar has an example; nightjar_packet.h says what each error means. All bytes
are taken as anything that bytes() takes, except a number. A wrong size of a fixed field is a ValueError, all that the
library refuses is a PacketError.

Threads: a SURB (HeldSurb) is for one thread at a time. All else may be shared. The library runs
without Python's lock, so several threads unwrap at once.
"""
from ctypes import POINTER, byref, c_size_t, c_uint8, pointer
from dataclasses import dataclass

from ._library import (
    ADDRESS_SIZE, DESTINATION_SIZE, FINAL_PADDING_SIZE, HEADER_SIZE, IDENTIFIER_SIZE, KEY_SIZE, MAX_HOPS,
    MESSAGE_SIZE, PACKET_SIZE, PAYLOAD_OVERHEAD, PAYLOAD_SIZE, PAYLOAD_SIZE_MAX, PAYLOAD_SIZE_MIN, RECOVERY_SIZE_MAX,
    SURB_SIZE, TAG_SIZE, CBuildJob, CHop, COpened, CRandomness, CUnwrapJob, Handle, PacketError, as_bytes, call, error_of,
    of_size, room)

__all__ = [
    "ADDRESS_SIZE", "DESTINATION_SIZE", "FINAL_PADDING_SIZE", "HEADER_SIZE", "IDENTIFIER_SIZE", "KEY_SIZE",
    "MAX_HOPS", "MESSAGE_SIZE", "PACKET_SIZE", "PAYLOAD_OVERHEAD", "PAYLOAD_SIZE", "PAYLOAD_SIZE_MAX",
    "PAYLOAD_SIZE_MIN", "RECOVERY_SIZE_MAX", "SURB_SIZE", "TAG_SIZE", "Forward", "Final", "HeldSurb", "Hop", "Key", "PacketError",
    "Randomness", "Recovery", "build", "build_many", "make_surb", "read_message", "unwrap", "unwrap_many"]


class Key(Handle):
    """A relay's secret key: Key() draws one, Key(secret) takes 32 bytes."""
    kind = "key"

    def __init__(self, secret=None):
        if secret is None:
            super().__init__("key_generate")
        else:
            super().__init__("key_from", of_size(secret, KEY_SIZE, "secret"))

    @property
    def secret(self):
        out = room(KEY_SIZE)
        call("key_secret", self.pointer, out)
        return bytes(out)

    @property
    def public(self):
        out = room(KEY_SIZE)
        call("key_public", self.pointer, out)
        return bytes(out)


@dataclass(frozen=True)
class Hop:
    """One relay of a route, as the sender needs it."""
    address: bytes
    key: bytes          # its public key
    delay_ns: int = 0   # how long it holds the packet; unused for the last hop


@dataclass(frozen=True)
class Randomness:
    """The random values of one header, for experiments and check vectors. Use it once."""
    initial_secret: bytes
    final_padding: bytes = bytes(FINAL_PADDING_SIZE)


@dataclass(frozen=True)
class Forward:
    """The packet continues: send `packet` to `next` after `delay_ns`."""
    replay_tag: bytes   # refuse the packet if this tag was here before
    next: bytes
    delay_ns: int       # any 64-bit value: check a bound of your own
    packet: bytes


@dataclass(frozen=True)
class Final:
    """The packet ends here. read_message(payload) has the message of a packet that is not a reply."""
    replay_tag: bytes
    destination: bytes
    identifier: bytes
    payload: bytes


def _route(hops):
    hops = list(hops)
    route = (CHop * max(1, len(hops)))()    # the library refuses an empty route, not NULL for one
    for place, hop in zip(route, hops):
        if not 0 <= hop.delay_ns < 1 << 64:
            raise ValueError("delay_ns: not an unsigned number of 64 bits")
        place.address[:] = of_size(hop.address, ADDRESS_SIZE, "address")
        place.key[:] = of_size(hop.key, KEY_SIZE, "key")
        place.delay_ns = hop.delay_ns
    return route, len(hops)


def _drawn(randomness):
    if randomness is None:
        return None
    made = CRandomness()
    made.initial_secret[:] = of_size(randomness.initial_secret, KEY_SIZE, "initial_secret")
    made.final_padding[:] = of_size(randomness.final_padding, FINAL_PADDING_SIZE, "final_padding")
    return made


def _randomness(randomness):
    made = _drawn(randomness)
    return None if made is None else byref(made)


def _is_payload_size(size):
    return PAYLOAD_SIZE_MIN <= size <= PAYLOAD_SIZE_MAX


def _check_version(version):
    if not 0 <= version < 1 << 16:
        raise ValueError("version: not an unsigned number of 16 bits")


def build(route, destination, identifier, message, *, payload_size=PAYLOAD_SIZE, version=260, randomness=None):
    """A packet whose last hop reads destination, identifier and message. Send it to the first hop."""
    _check_version(version)
    message = as_bytes(message, "message")
    if not _is_payload_size(payload_size) or len(message) > payload_size - PAYLOAD_OVERHEAD:
        raise PacketError("bad_length")     # before a buffer of that size is made
    hops, packet = _route(route), room(HEADER_SIZE + payload_size)
    call("packet_build", version, *hops, of_size(destination, DESTINATION_SIZE, "destination"),
         of_size(identifier, IDENTIFIER_SIZE, "identifier"), message, len(message), _randomness(randomness),
         packet, len(packet))
    return bytes(packet)


def build_many(parcels, *, payload_size=PAYLOAD_SIZE, version=260, randomness=None):
    """A list with a packet or a PacketError for each (route, destination, identifier, message). Eight at once cost
    less than eight calls of build(). `randomness`, if given, has one Randomness for each."""
    _check_version(version)
    parcels = list(parcels)
    drawn = [None] * len(parcels) if randomness is None else [_drawn(one) for one in randomness]
    if len(drawn) != len(parcels):
        raise ValueError(f"randomness: {len(drawn)} for {len(parcels)} packets")
    size = HEADER_SIZE + payload_size if _is_payload_size(payload_size) else 0  # 0: refused without a buffer
    jobs, kept = (CBuildJob * len(parcels))(), []   # `kept` is what the jobs point to
    for job, (hops, destination, identifier, message), values in zip(jobs, parcels, drawn):
        route, message, packet = _route(hops), as_bytes(message, "message"), room(max(1, size))
        kept.append((route, message, packet, of_size(destination, DESTINATION_SIZE, "destination"),
                     of_size(identifier, IDENTIFIER_SIZE, "identifier")))
        job.version, (job.route, job.hops) = version, route
        job.message, job.message_size, job.packet = message, len(message), packet
        job.destination, job.identifier = kept[-1][3:]
        if values is not None:
            job.randomness = pointer(values)
    call("packet_build_many", jobs, len(parcels), size)
    return [bytes(one[2]) if job.error == 0 else error_of(job.error) for job, one in zip(jobs, kept)]


def _buffer(packet):
    """(an array of these bytes, their number). An array has one at least."""
    packet = as_bytes(packet, "packet")
    return (c_uint8 * max(1, len(packet))).from_buffer_copy(packet or b"\0"), len(packet)


def _read(opened, data):
    if not opened.is_final:
        return Forward(bytes(opened.replay_tag), bytes(opened.next), opened.delay_ns, bytes(data))
    return Final(bytes(opened.replay_tag), bytes(opened.destination), bytes(opened.identifier),
                 bytes(data)[HEADER_SIZE:])


def unwrap(key, packet, *, packet_size=PACKET_SIZE):
    """What one hop reads: a Forward or a Final. `packet_size` is that of the network's packets."""
    (data, size), opened = _buffer(packet), COpened()
    call("packet_unwrap", key.pointer, data, size, packet_size, byref(opened))
    return _read(opened, data)


def unwrap_many(keys_and_packets, *, packet_size=PACKET_SIZE):
    """A list with a Forward, a Final or a PacketError for each pair of a Key and a packet. Eight at once cost less
    than eight calls of unwrap()."""
    pairs = list(keys_and_packets)
    buffers = [_buffer(packet) for _, packet in pairs]
    jobs = (CUnwrapJob * len(pairs))()
    for job, (buffer, size), (key, _) in zip(jobs, buffers, pairs):
        job.key, job.packet, job.packet_size = key.pointer, buffer, size
    call("packet_unwrap_many", jobs, len(pairs), packet_size)
    return [_read(job.opened, buffer) if job.error == 0 else error_of(job.error) for job, (buffer, _) in zip(jobs, buffers)]


def read_message(payload):
    """The message in the payload of a packet at its last hop."""
    data, payload_size = _buffer(payload)
    message, size = POINTER(c_uint8)(), c_size_t()
    call("message_read", data, payload_size, byref(message), byref(size))
    return bytes(message[:size.value])


class Recovery(Handle):
    """What the owner of a SURB keeps to read the reply. Drop it after one use."""
    kind = "recovery"

    def __init__(self, saved):
        """Takes what save() returned."""
        saved = as_bytes(saved, "saved")
        super().__init__("recovery_load", saved, len(saved))

    @classmethod
    def _of(cls, *arguments):
        made = cls.__new__(cls)
        Handle.__init__(made, *arguments)
        return made

    def read(self, payload):
        """The message of a reply, from its payload at the last hop."""
        payload = as_bytes(payload, "payload")
        message, size = room(max(1, len(payload))), c_size_t()
        call("recovery_read", self.pointer, payload, len(payload), message, len(message), byref(size))
        return bytes(message[:size.value])

    def save(self):
        """Identifier and seeds, to keep in a file. They are secret."""
        saved, size = room(RECOVERY_SIZE_MAX), c_size_t()
        call("recovery_save", self.pointer, saved, len(saved), byref(size))
        return bytes(saved[:size.value])


def make_surb(route, destination, identifier, *, randomness=None):
    """(SURB for a replier, Recovery for its owner)."""
    surb = room(SURB_SIZE)
    recovery = Recovery._of("surb_make", *_route(route), of_size(destination, DESTINATION_SIZE, "destination"),
                            of_size(identifier, IDENTIFIER_SIZE, "identifier"), _randomness(randomness), surb)
    return bytes(surb), recovery


class HeldSurb(Handle):
    """A SURB that a replier holds. It can be used once."""
    kind = "surb"

    def __init__(self, surb):
        surb = as_bytes(surb, "surb")
        super().__init__("surb_hold", surb, len(surb))

    def use(self, message, *, payload_size=PAYLOAD_SIZE):
        """(address of the first hop, packet to send it)."""
        message = as_bytes(message, "message")
        if not _is_payload_size(payload_size) or len(message) > payload_size - PAYLOAD_OVERHEAD:
            raise PacketError("bad_length")
        packet, first_hop = room(HEADER_SIZE + payload_size), room(ADDRESS_SIZE)
        call("surb_use", self.pointer, message, len(message), packet, len(packet), first_hop)
        return bytes(first_hop), bytes(packet)
