"""A service manager as a daemon sees it: a datagram socket for its messages, and listening sockets passed to it."""
import os
import signal
import socket
import subprocess
import time

SAID_SECONDS_MAX = 20


class Manager:
    """NOTIFY_SOCKET of the processes that it starts, in a folder of the test."""

    def __init__(self, folder):
        self.path = folder / "notify.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))

    def close(self):
        self.socket.close()

    def start(self, command, listeners=(), watchdog_seconds=None):
        """Starts a daemon; `listeners` become its descriptors 3, 4, …"""
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.path)}
        if watchdog_seconds:
            environment["WATCHDOG_USEC"] = str(int(watchdog_seconds * 1e6))
        first = 3
        # LISTEN_PID is the daemon's own number, which only the started process knows: a shell of that number
        # sets it and becomes the daemon.
        script = f'LISTEN_FDS={len(listeners)} LISTEN_PID=$$ exec "$@"' if listeners else 'exec "$@"'
        kept = [os.dup2(one.fileno(), 64 + number) for number, one in enumerate(listeners)]
        moves = " ".join(f"{first + number}<&{copy} {copy}<&-" for number, copy in enumerate(kept))
        try:
            return subprocess.Popen(["bash", "-c", f"exec {moves}; {script}" if moves else script, "bash",
                                     *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, text=True, env=environment, pass_fds=kept)
        finally:
            for copy in kept:
                os.close(copy)

    def next(self, seconds=SAID_SECONDS_MAX):
        """The next message as a dictionary, or None after this time."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def until(self, key, seconds=SAID_SECONDS_MAX):
        """The first message with this key; signs of life come in between."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.next(left)
            if message is not None and key in message:
                return message
        raise AssertionError(f"no message with {key} in {seconds} s")

    def signs_of_life(self, seconds):
        """How many come in this time."""
        deadline = time.monotonic() + seconds
        count = 0
        while (left := deadline - time.monotonic()) > 0:
            message = self.next(left)
            count += message is not None and "WATCHDOG" in message
        return count


def stop(process, seconds=6):
    process.send_signal(signal.SIGTERM)
    return process.wait(seconds)
