"""What the tests of real applications share: a network, and servers outside of it, on loopback."""
import os
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.services import NAME  # noqa: E402
import sockets  # noqa: E402

GIT_BACKEND = ["git", "http-backend"]
CHUNK_MAX = 1 << 20


class Site(SimpleHTTPRequestHandler):
    """Files of a folder, and git repositories below /git as git's own CGI program serves them."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/git/"):
            self.answer_git(b"")
        else:
            super().do_GET()

    def do_POST(self):
        self.answer_git(self.body())

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            if size > CHUNK_MAX:
                raise ValueError("a chunk of this size is not git's")
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def answer_git(self, body):
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.directory, "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "someone",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")}
        said = subprocess.run(GIT_BACKEND, input=body, env=environment, capture_output=True).stdout
        head, _, content = said.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class SiteServer(ThreadingHTTPServer):
    """Notes which process each connection came from."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, directory, pids, handler=Site):
        self.pids, self.owners = pids, []
        super().__init__((address, 0), lambda *more: handler(*more, directory=str(directory)))
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request, client_address):
        owner = sockets.owner(client_address, self.pids)
        if owner != sockets.CLOSED:     # browsers open connections ahead, and use not all
            self.owners.append(owner)
        super().process_request(request, client_address)

    def handle_error(self, request, client_address):
        """An application that leaves early is no fault of the server."""

    def stop(self):
        self.shutdown()
        self.server_close()


class ApplicationTest(NetworkTest):
    """A network, a site outside of it, and a clean environment for the programs."""
    handler = Site

    @classmethod
    def start(cls):
        super().start()
        cls.host, port = cls.net.socks.rsplit(":", 1)
        cls.port = int(port)
        cls.home = cls.net.folder / "home"
        cls.site_folder = cls.net.folder / "site"
        for folder in (cls.home, cls.site_folder):
            folder.mkdir()
        cls.site = SiteServer(cls.net.outside, cls.site_folder,
                              {name: process.pid for name, process in cls.processes.running.items()}, cls.handler)
        cls.addClassCleanup(cls.site.stop)
        cls.url = f"http://{NAME}:{cls.site.server_port}"
        # Nothing but what a test says: no proxy, name or configuration of this machine's user.
        cls.environment = {"PATH": os.environ["PATH"], "HOME": str(cls.home), "LANG": "C.UTF-8"}

    def tearDown(self):
        """Whatever the program was, the site was reached by an exit, never by the program itself."""
        exits = {relay.name for relay in self.net.gateways} - {self.net.ask_client()[0]["gateway"]}
        self.assertLessEqual(set(self.site.owners), exits)

    def run_program(self, *command, seconds=90, code=0, text=None, **environment):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds,
                              cwd=self.net.folder, input=text, env={**self.environment, **environment})
        self.assertEqual(done.returncode, code, f"{command[0]}: {done.stdout} {done.stderr}")
        return done.stdout
