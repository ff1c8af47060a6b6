"""Metrics of whole windows, as a running relay shows them: rounded, with noise, once for each window."""
import json
import re
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from clock_authority import Authority  # noqa: E402
from offline import CONFIG, KEY, RELAY, OfflineNetwork  # noqa: E402

WINDOW = 3     # seconds; only a lab may have windows this short
SCRAPES = 100
WINDOWED = ("nightjar_window_seconds", "nightjar_window_packets", "nightjar_window_packets_dropped",
            "nightjar_window_handshakes", "nightjar_capacity_used_ratio", "nightjar_peers_reachable_ratio",
            "nightjar_window_cpu_seconds", "process_resident_memory_bytes", "process_open_fds")

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxied; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {at} ssl;
    ssl_certificate {keys}/proxy.pem;
    ssl_certificate_key {keys}/proxy.key;
    location / {{
      proxy_pass http://unix:{place};
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Host $host;
    }}
  }}
}}
"""


class Windows(OfflineNetwork):
    def configure(self, more):
        self.at = f"{self.claim.network}.20:9464"
        self.edited(lambda text: text.replace('metrics: {listen: "off"}',
                                              f'metrics: {{listen: "{self.at}"{more}}}'))

    def scrape(self):
        with urllib.request.urlopen(f"http://{self.at}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def value(self, name, text):
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        self.assertIsNotNone(found, f"{name} is not in:\n{text}")
        return float(found[1])

    def after_a_window(self):
        """The first scrape with a whole window."""
        end = time.monotonic() + 6 * WINDOW
        while time.monotonic() < end:
            text = self.scrape()
            if "nightjar_window_seconds" in text:
                return text
            time.sleep(0.2)
        return self.fail("no window has ended")

    def test_a_window_in_a_lab_without_exact_values(self):
        self.sign(lab=True)
        self.configure(f", window: {WINDOW}s, exact: false")
        relay = self.start()
        first = self.scrape()
        self.assertNotIn("nightjar_window", first)
        self.assertIn("nightjar_bugs_total 0", first)
        text = self.after_a_window()
        for name in WINDOWED:
            self.assertIn(f"# TYPE {name} gauge", text)
        self.assertNotIn("nightjar_lab_", text)
        self.assertIn(f'mode="windowed",noise="laplace_0.3",window="{WINDOW}s"', text)
        end = self.value("nightjar_window_end_timestamp_seconds", text)
        self.assertEqual(end % WINDOW, 0)
        self.assertLess(abs(end - time.time()), 2 * WINDOW)
        self.assertEqual(self.value("process_resident_memory_bytes", text) % (16 << 20), 0)
        self.assertGreater(self.value("process_resident_memory_bytes", text), 0)
        self.assertEqual(self.value("process_open_fds", text) % 64, 0)
        self.assertGreater(self.value("process_open_fds", text), 0)
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))
        self.stop(relay)

    def test_scrapes_within_a_window_are_the_same_to_the_last_byte(self):
        """Its loops run all the time, and each scrape is itself a connection."""
        self.sign(lab=True)
        self.configure(f", window: {WINDOW}s, exact: false")
        relay = self.start()
        self.after_a_window()
        of_windows = {}
        for _ in range(SCRAPES):
            text = self.scrape()
            of_windows.setdefault(self.value("nightjar_window_end_timestamp_seconds", text), set()).add(text)
        for texts in of_windows.values():
            self.assertEqual(len(texts), 1)
        self.stop(relay)

    def status(self, *words):
        done = subprocess.run([RELAY, "status", *words, "--config", self.config], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_what_is_used_of_a_months_cap(self):
        """Without a port for metrics, by the windows that they would show; a restart goes on with the sum."""
        self.sign(lab=True)
        self.edited(lambda text: text.replace('metrics: {listen: "off"}',
                                              f'metrics: {{listen: "off", window: {WINDOW}s}}\ntraffic_month: 1 TB'))
        kept = self.config.parent / "traffic_month"
        used = counted = 0
        for _ in range(2):
            relay = self.start()
            deadline = time.monotonic() + 120
            while True:
                month = json.loads(self.status("--json"))["traffic_month"]
                if month["counted_seconds"] > counted:
                    break
                self.assertLess(time.monotonic(), deadline, month)
                time.sleep(0.2)
            self.assertEqual(month["cap_bytes"], 10 ** 12)
            self.assertEqual((month["used_bytes"] % 5120, month["counted_seconds"] % WINDOW), (0, 0))
            self.assertGreaterEqual(month["used_bytes"], used)     # the noise may leave nothing of a short window
            self.assertRegex(self.status(),
                             r"(?m)^  month      0 % of 1\.0 TB used, by 0\.0 of the \d+\.\d days that have passed$")
            self.stop(relay)
            words = re.fullmatch(r"until \d+ packets (\d+) seconds (\d+)\n", kept.read_text())
            self.assertGreaterEqual(int(words[1]) * 5120, month["used_bytes"])
            self.assertGreaterEqual(int(words[2]), month["counted_seconds"])
            used, counted = int(words[1]) * 5120, int(words[2])
            self.assertEqual(kept.stat().st_mode & 0o777, 0o600)

    def test_no_short_window_outside_a_lab(self):
        self.sign()
        self.edited(lambda text: text.replace('metrics: {listen: "off"}',
                                              'metrics: {listen: "off", window: 14m}\ntraffic_month: 1 TB'))
        self.refuses(CONFIG, "metrics.window", "15m")       # the month's sum would show them
        self.edited(lambda text: text.replace(', window: 14m}\ntraffic_month: 1 TB', "}"))
        self.configure(", window: 14m")
        self.refuses(CONFIG, "metrics.window", "15m")
        self.edited(lambda text: text.replace("window: 14m", "window: 15m"))
        relay = self.start()
        text = self.scrape()
        # An epoch is a whole number of windows.
        window = next(seconds for seconds in range(900, 3601) if self.epoch_seconds % seconds == 0)
        self.assertIn(f'mode="windowed",noise="laplace_0.3",window="{window}s"', text)
        self.assertNotIn("nightjar_lab_", text)
        self.stop(relay)

    def curl(self, *words):
        done = subprocess.run(["curl", "-sS", "-m", "5", "-w", " %{http_code}", *words], capture_output=True, text=True)
        return done.stdout

    def test_the_offset_of_the_clock_and_the_self_test(self):
        """The authority whose clock is wrong by minutes is asked for something else; its answer has the time."""
        self.sign()
        self.configure("")
        authority = Authority(self.folder / "service", f"{self.claim.network}.200", -600)
        self.addCleanup(authority.close)
        with open(self.folder / "network.yaml", "a", encoding="utf-8") as anchors:
            anchors.write(authority.lines)
        relay = self.start()
        text = self.scrape()
        self.assertRegex(text, r'nightjar_selftest_packets_per_second\{mode="(portable|avx2|ifma)"\} [1-9]\d*00\n')
        end = time.monotonic() + 120
        while "\nnightjar_clock_offset_seconds " not in text and time.monotonic() < end:
            time.sleep(0.2)
            text = self.scrape()
        # The authority named a second that was its own between the question and the answer, which took at most 30 s.
        offset = self.value("nightjar_clock_offset_seconds", text)
        self.assertGreaterEqual(offset, 600 - 1 - 30)
        self.assertLessEqual(offset, 600)
        self.stop(relay)

    def test_a_unix_socket_inside_the_sandbox(self):
        self.sign()
        place = self.relays / "mix" / "open" / "metrics.sock"
        place.parent.mkdir()
        self.edited(lambda text: text.replace('metrics: {listen: "off"}', 'metrics: {listen: "unix:open/metrics.sock"}'))
        relay = self.start()
        text = self.curl("--unix-socket", str(place), "http://relay/metrics")
        self.assertIn('mode="windowed"', text)
        self.assertTrue(text.endswith(" 200"), text)
        self.stop(relay)
        self.assertFalse(place.exists())

    def test_behind_a_reverse_proxy(self):
        """nginx with TLS of its own before the relay's unix socket: what it adds to a request and leaves out changes nothing."""
        self.sign()
        self.edited(lambda text: text.replace('metrics: {listen: "off"}', 'metrics: {listen: "unix:run/metrics.sock"}'))
        relay = self.start()
        self.certified("proxy", subject_alternative=f"IP:{self.claim.network}.21")
        folder = self.relays / "mix"
        place, config = folder / "run/metrics.sock", self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, at=f"{self.claim.network}.21:9443", keys=folder, place=place))
        nginx = subprocess.Popen(["/usr/sbin/nginx", "-e", self.folder / "nginx.log", "-c", config], stdin=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)

        def ask(path, *words):
            return self.curl("--cacert", folder / "proxy.pem", *words, f"https://{self.claim.network}.21:9443{path}")
        end = time.monotonic() + 20
        while (text := ask("/metrics")).endswith(" 000") and time.monotonic() < end:
            time.sleep(0.1)
        direct = self.curl("--unix-socket", str(place), "http://relay/metrics")
        self.assertTrue(direct.endswith(" 200"), direct)
        self.assertEqual(text, direct)
        self.assertEqual(ask("/readyz"), "ready\n 200")
        self.assertTrue(ask("/metrics", "--head").endswith(" 200"))
        self.assertTrue(ask("/nothing").endswith(" 404"))
        self.assertTrue(ask("/metrics", "--request", "POST").endswith(" 405"))
        self.assertTrue(ask("/metrics", "--data", "x").endswith(" 413"))
        self.stop(relay)
        self.assertTrue(ask("/readyz").endswith(" 502"))
        nginx.terminate()
        nginx.wait()

    def test_a_token_in_a_file_of_its_owner_alone(self):
        self.sign()
        token = self.relays / "mix" / "token"
        self.configure(", token_file: token, allow: [127.0.0.0/8]")
        self.refuses(KEY, "metrics.token_file", "cannot be read")
        token.write_text("short\n")
        token.chmod(0o600)
        self.refuses(CONFIG, "metrics.token_file", "openssl rand -hex 32")
        token.write_text("t" * 32 + "\n")
        token.chmod(0o640)
        self.refuses(KEY, "metrics.token_file", "chmod 600")
        token.chmod(0o600)
        relay = self.start()
        url = f"http://{self.at}/readyz"
        self.assertTrue(self.curl(url).endswith(" 401"))
        self.assertEqual(self.curl("-H", f"Authorization: Bearer {'t' * 32}", url), "ready\n 200")
        self.stop(relay)

    def certified(self, name, issuer=None, subject_alternative=None):
        """Makes NAME.pem and NAME.key, signed by `issuer`, or by itself as an authority."""
        words = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                 "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        if issuer:
            words += ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        if subject_alternative:
            words += ["-addext", f"subjectAltName={subject_alternative}"]
        subprocess.run(words, cwd=self.relays / "mix", check=True, capture_output=True)

    def test_tls_with_certificates_on_both_sides(self):
        self.sign()
        folder = self.relays / "mix"
        self.certified("ours")
        self.certified("other")
        self.certified("relay", "ours", f"IP:{self.claim.network}.20")
        self.certified("prometheus", "ours")
        self.certified("stranger", "other")
        self.configure(", tls_certificate: relay.pem, tls_key: relay.key, tls_clients: ours.pem, allow: [127.0.0.0/8]")
        key = folder / "relay.key"
        key.chmod(0o640)
        self.refuses(KEY, "metrics.tls_key", "chmod 600")
        key.chmod(0o600)
        self.edited(lambda text: text.replace("tls_clients: ours.pem", "tls_clients: ours.key"))
        self.refuses(CONFIG, "metrics.tls_clients", "ours.key", "PEM")
        self.edited(lambda text: text.replace("tls_clients: ours.key", "tls_clients: ours.pem"))
        relay = self.start()
        url = f"https://{self.at}/readyz"

        def with_certificate(name):
            return self.curl("--cacert", folder / "ours.pem", "--cert", folder / f"{name}.pem", "--key",
                             folder / f"{name}.key", url)
        self.assertEqual(with_certificate("prometheus"), "ready\n 200")
        self.assertEqual(with_certificate("stranger"), " 000")
        self.assertEqual(self.curl("--cacert", folder / "ours.pem", url), " 000")
        self.assertEqual(self.curl(url.replace("https", "http")), " 000")
        self.assertEqual(with_certificate("prometheus"), "ready\n 200")
        self.stop(relay)

    def test_exact_values_stay_on_this_machine(self):
        self.sign(lab=True)
        self.configure(", token_file: token, allow: [127.0.0.0/8]")
        self.edited(lambda text: text.replace(self.at, "0.0.0.0:9464"))
        self.refuses(CONFIG, "metrics.listen", "exact: false")


if __name__ == "__main__":
    unittest.main(verbosity=0)
