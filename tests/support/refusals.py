"""Programs whose system calls get the answers of an older kernel, or of a disk that fails, by a seccomp filter (libseccomp).

The kernel itself gives the answer; neither the program nor a library in it is changed. No right is needed.
"""
import contextlib
import ctypes
import errno
import fcntl
import os
import select
import socket
import threading

LIBRARY = ctypes.CDLL("libseccomp.so.2", use_errno=True)
ALLOW, NOTIFY, REFUSE = 0x7fff0000, 0x7fc00000, 0x00050000
EQUAL, GREATER = 4, 6
PR_GET_SECCOMP = 21
# A rule: the call's name, the error, and comparisons of arguments: number, operator, value.
NO_LANDLOCK = ("landlock_create_ruleset", errno.ENOSYS)
NO_SECCOMP = ("prctl", errno.EINVAL, (0, EQUAL, PR_GET_SECCOMP))


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("value", ctypes.c_uint64), ("more", ctypes.c_uint64)]


class Request(ctypes.Structure):
    """struct seccomp_notif of linux/seccomp.h."""
    _fields_ = [("id", ctypes.c_uint64), ("pid", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("call", ctypes.c_int),
                ("arch", ctypes.c_uint32), ("at", ctypes.c_uint64), ("arguments", ctypes.c_uint64 * 6)]


class Response(ctypes.Structure):
    """struct seccomp_notif_resp."""
    _fields_ = [("id", ctypes.c_uint64), ("value", ctypes.c_int64), ("error", ctypes.c_int32), ("flags", ctypes.c_uint32)]


RECEIVE, RESPOND = 0xc0502100, 0xc0182101   # SECCOMP_IOCTL_NOTIF_RECV and _SEND
GO_ON = 1                                   # SECCOMP_USER_NOTIF_FLAG_CONTINUE
LIBRARY.seccomp_init.restype = ctypes.c_void_p
LIBRARY.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
LIBRARY.seccomp_load.argtypes = LIBRARY.seccomp_notify_fd.argtypes = [ctypes.c_void_p]


def installed(rules):
    """A filter of (action, name, comparisons…), in force for this process and what it starts."""
    made = LIBRARY.seccomp_init(ALLOW)
    for action, name, *comparisons in rules:
        call = LIBRARY.seccomp_syscall_resolve_name(name.encode())
        array = (Comparison * len(comparisons))(*(Comparison(*one, 0) for one in comparisons))
        if LIBRARY.seccomp_rule_add_array(made, action, call, len(comparisons), array) != 0:
            raise OSError(f"no filter for {name}")
    if LIBRARY.seccomp_load(made) != 0:
        raise OSError("the kernel takes no filter")
    return made


def refusing(*rules):
    """For preexec_fn: the program that runs next gets these errors."""
    return lambda: installed([(REFUSE | error, name, *comparisons) for name, error, *comparisons in rules])


class FailingDisk:
    """While `fails` is one of CALLS, each such call of the program on a file gets EIO.

    with FailingDisk() as disk: subprocess.Popen(…, preexec_fn=disk.attach)
    """
    CALLS = ("write", "fsync")

    def __init__(self):
        self.fails = None
        self.refused = 0
        self.inner, self.outer = socket.socketpair()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.answer, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.outer.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.inner.close()
        self.outer.close()

    def attach(self):
        """In the program's process. What a relay writes() to the log has the descriptors 1 and 2, and an event has 8 bytes."""
        made = installed([(NOTIFY, "fsync"), (NOTIFY, "write", (0, GREATER, 2), (2, GREATER, 8))])
        socket.send_fds(self.inner, [b"x"], [LIBRARY.seccomp_notify_fd(made)])

    def answer(self):
        _, descriptors, _, _ = socket.recv_fds(self.outer, 1, 1)
        if not descriptors:
            return
        names = {LIBRARY.seccomp_syscall_resolve_name(name.encode()): name for name in self.CALLS}
        waits = select.poll()
        waits.register(descriptors[0], select.POLLIN)
        try:
            while not self.over.is_set():
                ready = waits.poll(100)
                if ready and not ready[0][1] & select.POLLIN:
                    return      # the program has ended
                if ready:
                    self.answer_one(descriptors[0], names)
        finally:
            os.close(descriptors[0])

    def answer_one(self, descriptor, names):
        request = Request()
        with contextlib.suppress(FileNotFoundError):    # its thread was killed meanwhile
            fcntl.ioctl(descriptor, RECEIVE, request)
            response = Response(id=request.id, flags=GO_ON)
            if names[request.call] == self.fails:
                response = Response(id=request.id, error=-errno.EIO)
                self.refused += 1
            fcntl.ioctl(descriptor, RESPOND, response)
