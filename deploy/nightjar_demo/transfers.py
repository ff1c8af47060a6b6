"""Real transfers with curl through the client's SOCKS5 port."""
import hashlib
import subprocess
import time
from dataclasses import asdict, dataclass

from .progress import DemoError
from .services import small_page_text

FORMAT = "%{http_code} %{time_starttransfer} %{time_total} %{size_download} %{size_upload}"


@dataclass
class Transfer:
    what: str
    first_byte: float   # seconds since curl started
    total: float        # seconds
    size: int           # bytes
    goodput: float      # bytes per second

    def as_json(self):
        return asdict(self)


class Curl:
    def __init__(self, network):
        self.network = network

    def command(self, path, seconds, out, *more):
        return ["curl", "--silent", "--show-error", "--proxy", f"socks5h://{self.network.socks}",
                "--max-time", str(seconds), "--output", str(out), "--write-out", FORMAT,
                "--header", "Expect:", *more, self.network.url + path]

    def run(self, path, seconds, out, *more):
        done = subprocess.run(self.command(path, seconds, out, *more), capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr.strip()

    def fetch(self, path, seconds, out, *more):
        code, figures, error = self.run(path, seconds, out, *more)
        if code != 0 or not figures.startswith("200 "):
            self.network.processes.check()
            raise DemoError(f"curl {path} failed with exit code {code}: {error or figures}")
        _, first, total, down, up = figures.split()
        return float(first), float(total), int(down), int(up)

    def download(self, digest, seconds):
        out = self.network.folder / "downloaded"
        first, total, size, _ = self.fetch("/file", seconds, out)
        content = out.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise DemoError(f"the downloaded file's SHA-256 is wrong ({len(content)} bytes arrived)")
        return Transfer("download 1 MiB", first, total, size, size / (total - first))

    def upload(self, file, digest, seconds):
        out = self.network.folder / "answer"
        first, total, _, size = self.fetch("/upload", seconds, out, "--upload-file", str(file))
        if out.read_text().strip() != digest:
            raise DemoError("the SHA-256 that the server computed for the upload is wrong")
        # The server answers when it has the whole file. The time includes that answer's way back.
        return Transfer("upload 1 MiB", first, total, size, size / total)

    def keep_busy(self, path, seconds, *more):
        """Transfers until the time is over. curl is then cut off, which is not a failure."""
        if seconds > 0.2:
            self.run(path, f"{seconds:.1f}", "/dev/null", *more)

    def small_page(self, seconds):
        """Fetches a small page. Returns (arrived within `seconds`, time taken, how curl ended)."""
        out = self.network.folder / "page"
        out.unlink(missing_ok=True)
        code, figures, error = self.run("/small/1", seconds, out)
        arrived = code == 0 and figures.startswith("200 ") and out.read_text() == small_page_text(1)
        return arrived, float(figures.split()[2]), f"curl ended with exit code {code}: {error or figures}"

    def small_pages(self, count, seconds):
        begun = time.monotonic()
        outs = [self.network.folder / f"page-{i}" for i in range(count)]
        running = [subprocess.Popen(self.command(f"/small/{i}", seconds, out),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                    stdin=subprocess.DEVNULL) for i, out in enumerate(outs)]
        pages = []
        for i, process in enumerate(running):
            figures, error = process.communicate()
            if process.returncode != 0 or outs[i].read_text() != small_page_text(i):
                raise DemoError(f"small page {i}: curl's exit code {process.returncode}: {error}")
            _, first, total, size, _ = figures.split()
            pages.append(Transfer(f"small page {i}", float(first), float(total), int(size),
                                  int(size) / float(total)))
        return pages, time.monotonic() - begun
