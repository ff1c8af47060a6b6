"""Stops one thread of a running process, as a debugger does, so that the others go on. Needs root."""
import ctypes
import os

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
ALL_THREADS = 0x40000000   # __WALL
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def trace(request, thread):
    if LIBC.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of thread {thread}")


class StoppedThread:
    """Stopped while this context lasts."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        trace(PTRACE_SEIZE, self.thread)
        trace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, ALL_THREADS)
        return self

    def __exit__(self, *_):
        trace(PTRACE_DETACH, self.thread)
