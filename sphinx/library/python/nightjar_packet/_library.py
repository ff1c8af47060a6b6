"""The shared library as ctypes sees it: every function with its types, and the error that it returns."""
import ctypes
from ctypes import POINTER, byref, c_int, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from pathlib import Path

INTERFACE = 0
MAX_HOPS = 5
KEY_SIZE = 32
ADDRESS_SIZE = 32
DESTINATION_SIZE = 32
IDENTIFIER_SIZE = 16
TAG_SIZE = 32
FINAL_PADDING_SIZE = 248
HEADER_SIZE = 348
PAYLOAD_OVERHEAD = 17
PAYLOAD_SIZE_MIN = 33
PAYLOAD_SIZE_MAX = 1048576
SURB_SIZE = 396
RECOVERY_SIZE_MAX = 96
MESSAGE_SIZE = 2048
PAYLOAD_SIZE = 2065
PACKET_SIZE = 2413


class PacketError(Exception):
    """Why a packet, SURB or payload was refused. `name` is the word of the check vectors."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


class CHop(ctypes.Structure):
    _fields_ = [("address", c_uint8 * ADDRESS_SIZE), ("key", c_uint8 * KEY_SIZE), ("delay_ns", c_uint64)]


class CRandomness(ctypes.Structure):
    _fields_ = [("initial_secret", c_uint8 * KEY_SIZE), ("final_padding", c_uint8 * FINAL_PADDING_SIZE)]


class CBuildJob(ctypes.Structure):
    _fields_ = [("version", c_uint16), ("route", POINTER(CHop)), ("hops", c_size_t), ("destination", ctypes.c_char_p),
                ("identifier", ctypes.c_char_p), ("message", ctypes.c_char_p), ("message_size", c_size_t),
                ("randomness", POINTER(CRandomness)), ("packet", POINTER(c_uint8)), ("error", c_int)]


class COpened(ctypes.Structure):
    _fields_ = [("replay_tag", c_uint8 * TAG_SIZE), ("is_final", c_uint8), ("next", c_uint8 * ADDRESS_SIZE),
                ("delay_ns", c_uint64), ("destination", c_uint8 * DESTINATION_SIZE),
                ("identifier", c_uint8 * IDENTIFIER_SIZE)]


class CUnwrapJob(ctypes.Structure):
    _fields_ = [("key", c_void_p), ("packet", POINTER(c_uint8)), ("packet_size", c_size_t), ("error", c_int),
                ("opened", COpened)]


# c_char_p takes Python's bytes as they are; what is written goes into an array.
_IN, _OUT, _HANDLE = ctypes.c_char_p, POINTER(c_uint8), c_void_p
_FUNCTIONS = {
    "key_generate": [POINTER(_HANDLE)],
    "key_from": [_IN, POINTER(_HANDLE)],
    "key_secret": [_HANDLE, _OUT],
    "key_public": [_HANDLE, _OUT],
    "packet_build": [c_uint16, POINTER(CHop), c_size_t, _IN, _IN, _IN, c_size_t, POINTER(CRandomness), _OUT,
                     c_size_t],
    "packet_build_many": [POINTER(CBuildJob), c_size_t, c_size_t],
    "packet_unwrap": [_HANDLE, _OUT, c_size_t, c_size_t, POINTER(COpened)],
    "packet_unwrap_many": [POINTER(CUnwrapJob), c_size_t, c_size_t],
    "message_read": [_OUT, c_size_t, POINTER(_OUT), POINTER(c_size_t)],
    "surb_make": [POINTER(CHop), c_size_t, _IN, _IN, POINTER(CRandomness), _OUT, POINTER(_HANDLE)],
    "surb_hold": [_IN, c_size_t, POINTER(_HANDLE)],
    "surb_use": [_HANDLE, _IN, c_size_t, _OUT, c_size_t, _OUT],
    "recovery_read": [_HANDLE, _IN, c_size_t, _OUT, c_size_t, POINTER(c_size_t)],
    "recovery_save": [_HANDLE, _OUT, c_size_t, POINTER(c_size_t)],
    "recovery_load": [_IN, c_size_t, POINTER(_HANDLE)],
}


def _load():
    library = ctypes.CDLL(str(Path(__file__).with_name("libnightjar-packet.so")))
    for name, types in _FUNCTIONS.items():
        function = getattr(library, f"nightjar_{name}")
        function.argtypes, function.restype = types, c_int
    for name in ("key_free", "surb_free", "recovery_free"):
        function = getattr(library, f"nightjar_{name}")
        function.argtypes, function.restype = [_HANDLE], None
    library.nightjar_error_name.argtypes, library.nightjar_error_name.restype = [c_int], ctypes.c_char_p
    library.nightjar_interface.argtypes, library.nightjar_interface.restype = [], c_uint32
    if library.nightjar_interface() != INTERFACE:
        raise ImportError(f"libnightjar-packet.so has interface {library.nightjar_interface()}, not {INTERFACE}")
    return library


_LIBRARY = _load()


def error_of(number):
    """The PacketError of a nightjar_error that is not NIGHTJAR_OK."""
    return PacketError(_LIBRARY.nightjar_error_name(number).decode())


def call(name, *arguments):
    """Calls nightjar_NAME. PacketError if it refuses."""
    error = getattr(_LIBRARY, f"nightjar_{name}")(*arguments)
    if error != 0:
        raise error_of(error)


def as_bytes(data, what):
    """`data` as bytes, whose len() is their number. bytes(32) would be 32 zeros: no key and no message."""
    if isinstance(data, int):
        raise TypeError(f"{what}: a number is no bytes")
    return bytes(data)


def of_size(data, size, what):
    """`data` as bytes of exactly this size, for a parameter whose size the library cannot see."""
    data = as_bytes(data, what)
    if len(data) != size:
        raise ValueError(f"{what}: {len(data)} bytes, {size} needed")
    return data


def room(size):
    """A buffer that the library writes to."""
    return (c_uint8 * size)()


class Handle:
    """Owns one object of the library, which is wiped and freed with it."""
    kind = ""           # the middle of its functions' names
    _pointer = None     # until it is there, and in the class itself

    def __init__(self, make, *arguments):
        pointer = c_void_p()
        call(make, *arguments, byref(pointer))
        self._pointer = pointer

    @property
    def pointer(self):
        return self._pointer

    def __copy__(self):
        raise TypeError(f"a {type(self).__name__} cannot be copied")

    def __deepcopy__(self, memo):
        return self.__copy__()

    def __reduce__(self):
        return self.__copy__()

    def __del__(self):
        if self._pointer is not None:
            getattr(_LIBRARY, f"nightjar_{self.kind}_free")(self._pointer)
            self._pointer = None
