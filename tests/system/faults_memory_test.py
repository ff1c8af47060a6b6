"""faults 51: a relay that gets no more memory closes what it has none for and goes on, or ends with a line.

The limit of its address space is set to what it has. Then a stranger opens connections until it must ask for more.
"""
import os
import re
import resource
import socket
import ssl
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import FAILURE, OfflineNetwork  # noqa: E402

PORT = 9001
CONNECTIONS = 300
ANSWER_SECONDS_MAX = 20
LINES_MAX = 5           # a task that had no memory either is named as well
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def client_hello():
    """The first bytes of a TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class NoMemory(OfflineNetwork):
    def connect(self):
        """A connection that has sent its ClientHello; None if the relay has closed it."""
        link = socket.create_connection((f"{self.claim.network}.21", PORT), 10)
        try:
            link.sendall(client_hello())
            return link
        except OSError:
            link.close()
            return None

    def answers(self):
        link = self.connect()
        if link is None:
            return False
        with link:
            link.settimeout(ANSWER_SECONDS_MAX)
            try:
                return len(link.recv(1)) == 1
            except OSError:
                return False

    @unittest.skipIf("NIGHTJAR_OWN_ALLOCATOR" in os.environ, "a sanitizer's allocator ends a relay that has no memory")
    def test_a_relay_without_memory(self):
        self.sign(lab=True)
        config = self.relays / "gate" / "relay.yaml"
        relay = self.start(config)
        self.assertTrue(self.answers())
        size = int(re.search(r"VmSize:\s+(\d+)", Path(f"/proc/{relay.pid}/status").read_text())[1]) * 1024
        resource.prlimit(relay.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
        held = []
        try:
            for _ in range(CONNECTIONS):
                if relay.poll() is not None:
                    break
                held.append(self.connect())
        except OSError:
            pass    # it has ended, or accepts none for now
        finally:
            for link in filter(None, held):
                link.close()
        time.sleep(1)
        if relay.poll() is None:
            resource.prlimit(relay.pid, resource.RLIMIT_AS, NO_LIMIT)
            deadline = time.monotonic() + ANSWER_SECONDS_MAX
            while not self.answers():
                self.assertLess(time.monotonic(), deadline, "it does not answer, although there is memory again")
            self.stop(relay)
        else:
            said = relay.stdout.read()
            self.assertEqual(relay.returncode, FAILURE, said)
            self.assertIn(len(said.splitlines()), range(1, LINES_MAX + 1), said)
        self.stop(self.start(config))


if __name__ == "__main__":
    unittest.main(verbosity=0)
