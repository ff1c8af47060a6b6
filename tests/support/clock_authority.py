"""An authority's service that says the time and nothing else."""
import email.utils
import http.server
import ssl
import subprocess
import threading
import time


class Authority(http.server.HTTPServer):
    """An authority's service with a key of its own, whose clock is off by some seconds."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(404)     # with the header Date
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))   # unread bytes would reset the connection
            self.do_GET()

        def date_time_string(self, timestamp=None):
            return email.utils.formatdate(time.time() + self.server.off, usegmt=True)

        def log_message(self, *_):
            pass

    def __init__(self, folder, host, off):
        folder.mkdir(exist_ok=True)
        super().__init__((host, 0), self.Handler)
        self.off = off
        key, certificate = folder / "service.pem", folder / "service.crt"
        openssl = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out",
                   certificate]
        subprocess.run(openssl, check=True, capture_output=True)
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout[-32:]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.service = f"  - address: {host}:{self.server_port}\n    key: {public.hex()}\n"
        self.lines = "services:\n" + self.service
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()
