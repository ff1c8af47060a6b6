"""HTTP CONNECT on the proxy port, by real programs."""
import os
import ssl
import subprocess
import sys
import threading
import unittest
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402
from nightjar_demo.services import small_page_text  # noqa: E402


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class HttpConnect(NetworkTest):
    def run_program(self, *command, code=0, **environment):
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, cwd=self.net.folder,
                              stdin=subprocess.DEVNULL, env={**os.environ, **environment})
        self.assertEqual(done.returncode, code, f"{command[0]}: {done.stdout} {done.stderr}")
        return done.stdout

    def call_curl(self, *arguments, code=0):
        return self.run_program("curl", "-sS", "-m", "60", *arguments, code=code)

    def tunnel(self, *more, proxy=None, path="/small/1", code=0):
        return self.call_curl("--proxytunnel", "--proxy", proxy or f"http://{self.net.socks}", *more,
                         self.net.url + path, code=code)

    def test_curl_tunnels(self):
        self.assertEqual(self.tunnel(), small_page_text(1))
        self.tunnel("--upload-file", str(self.file), "--output", "answer", path="/upload")
        self.assertEqual((self.net.folder / "answer").read_text().strip(), self.digest)

    def test_the_status_says_why_there_is_no_tunnel(self):
        for url in (f"http://{self.net.outside}:9/", "http://no-such-name.test:8000/"):
            said = self.call_curl("-o", os.devnull, "-w", "%{http_connect}", "--proxytunnel", "--proxy",
                             f"http://{self.net.socks}", url, code=56)
            self.assertEqual(said, "502")
        plain = self.call_curl("-o", os.devnull, "-w", "%{http_code}", "--proxy", f"http://{self.net.socks}",
                          self.net.url + "/small/1")
        self.assertEqual(plain, "501")

    def test_credentials_and_the_field_isolate(self):
        before = self.net.ask_client()[0]["isolation_keys"]
        self.tunnel(proxy=f"http://u:p@{self.net.socks}")
        self.tunnel("--proxy-header", "X-Tor-Stream-Isolation: 1")
        self.tunnel("--proxy-header", "X-Tor-Stream-Isolation: 1")
        self.assertEqual(self.net.ask_client()[0]["isolation_keys"], before + 2)

    def test_wget_and_git(self):
        """Over https, as they tunnel only for that. The certificate is the test's own."""
        site = self.net.folder / "site"
        site.mkdir()
        (site / "page").write_text("a page\n")
        repository = site / "repository"
        git = partial(self.run_program, "git", "-c", "user.name=n", "-c", "user.email=e")
        git("init", "-q", str(repository))
        git("-C", str(repository), "commit", "-q", "--allow-empty", "-m", "first")
        git("-C", str(repository), "update-server-info")
        self.run_program("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key",
                         "-out", "certificate", "-days", "2", "-subj", "/CN=x", "-addext",
                         f"subjectAltName=IP:{self.net.outside}")
        server = ThreadingHTTPServer((self.net.outside, 0), partial(Quiet, directory=site))
        server.socket = self.tls(server.socket)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        at = f"https://{self.net.outside}:{server.server_port}"
        page = self.run_program("wget", "-q", "-O", "-", "--tries=1", "--ca-certificate=certificate",
                                f"{at}/page", https_proxy=f"http://{self.net.socks}", no_proxy="")
        self.assertEqual(page, "a page\n")
        git("-c", f"http.proxy=http://{self.net.socks}", "clone", "-q", f"{at}/repository/.git", "cloned",
            GIT_SSL_CAINFO=str(self.net.folder / "certificate"))
        self.assertEqual(git("-C", "cloned", "log", "--format=%s"), "first\n")

    def tls(self, listener):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.net.folder / "certificate", self.net.folder / "key")
        return context.wrap_socket(listener, server_side=True)


if __name__ == "__main__":
    unittest.main(verbosity=0)
