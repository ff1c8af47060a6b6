"""Finds the processes that own sockets, from Linux's /proc/net and /proc/PID/fd."""
import os
import socket
import struct
from pathlib import Path


def address(text):
    """Converts an address of /proc/net/tcp: '0100007F:2329' is ('127.0.0.1', 9001)."""
    host, port = text.split(":")
    return socket.inet_ntoa(struct.pack("=I", int(host, 16))), int(port, 16)


def connections(table="tcp"):
    """Yields (own end, other end, inode) of every IPv4 socket in this network namespace."""
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        fields = line.split()
        yield address(fields[1]), address(fields[2]), int(fields[9])


def inodes(pid):
    """The inodes of the process's open sockets."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue  # closed meanwhile
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


CLOSED = "closed"
LOOKS = 5       # the kernel's table may miss a line while others come and go


def owner(end, pids):
    """The name of the process in {name: pid} whose TCP socket has this own end. CLOSED if that end is closed. None if
    no process of these has it."""
    for _ in range(LOOKS):
        inode = next((i for own, _, i in connections() if own == end and i), None)
        if inode is None:
            found = CLOSED
            continue
        found = next((name for name, pid in pids.items() if inode in inodes(pid)), None)
        if found:
            return found
    return found
