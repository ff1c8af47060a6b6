"""An independent observer of every link on loopback: tshark, if installed and permitted to capture."""
import shutil
import signal
import subprocess
import time

from .network import LINK_PORT
from .processes import die_with_parent

FIELDS = ("frame.time_epoch", "tcp.stream", "tcp.srcport", "tls.record.content_type",
          "tls.record.opaque_type", "tls.record.length", "tls.handshake.type",
          "tls.handshake.extensions.supported_version", "tcp.analysis.lost_segment")


class Capture:
    """Captures on lo with tshark, from construction to end(). If it cannot, `why_not` says why."""

    def __init__(self, file, network):
        self.file, self.why_not, self.process = file, None, None
        if not shutil.which("tshark"):
            self.why_not = "tshark is not installed (deploy/install-packages capture)"
            return
        self.process = subprocess.Popen(
            ["tshark", "-q", "-i", "lo", "-B", "64", "-w", file,
             "-f", f"net {network}.0/24 and tcp port {LINK_PORT}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            preexec_fn=die_with_parent)
        deadline = time.monotonic() + 15
        while not (file.exists() and file.stat().st_size > 0):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                said = self.process.communicate()[1].splitlines()
                self.why_not = next((line for line in said if line.startswith("tshark: ")),
                                    "tshark did not start")
                return
            time.sleep(0.1)
        time.sleep(1)

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)

    def kill(self):
        """Kills tshark if it still runs."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def rows(self):
        """Returns a dictionary of FIELDS for each frame that carries a TLS record."""
        command = ["tshark", "-r", self.file, "-d", f"tcp.port=={LINK_PORT},tls", "-Y", "tls",
                   "-T", "fields"]
        for field in FIELDS:
            command += ["-e", field]
        said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=True).stdout
        return [dict(zip(FIELDS, line.split("\t"))) for line in said.splitlines()]


def records(row):
    """Returns (type, length) of each TLS record that ends in this frame."""
    # TLS 1.3 gives all encrypted records the outer type "application data"; tshark calls it opaque.
    types = [int(t) for name in ("tls.record.content_type", "tls.record.opaque_type") if row[name]
             for t in row[name].split(",")]
    lengths = [int(length) for length in row["tls.record.length"].split(",") if length]
    return list(zip(types, lengths))
