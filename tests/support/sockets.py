"""Whose sockets are whose: the kernel's tables and a process's descriptors, as Linux shows them."""
import os
import socket
import struct
from pathlib import Path


def address(text):
    """'0100007F:2329' of /proc/net/tcp as ('127.0.0.1', 9001)."""
    host, port = text.split(":")
    return socket.inet_ntoa(struct.pack("=I", int(host, 16))), int(port, 16)


def connections(table="tcp"):
    """(own end, other end, inode) of every IPv4 socket of this network namespace."""
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        fields = line.split()
        yield address(fields[1]), address(fields[2]), int(fields[9])


def inodes(pid):
    """Of the sockets that the process holds open."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:
            continue  # closed while we looked
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found


def owner(end, pids):
    """Name of the process, of {name: pid}, that has a TCP socket with this own end; None: nobody's."""
    inode = next((i for own, _, i in connections() if own == end), None)
    return next((name for name, pid in pids.items() if inode in inodes(pid)), None)
