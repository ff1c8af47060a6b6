"""What relays and a client show under /metrics suits promtool, a real Prometheus, and a health check by HEAD."""
import json
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from testnet import NetworkTest  # noqa: E402

SCRAPES = 100
METRICS_LEAST = 20  # of a relay of a lab, which shows all there are


def promtool(text):
    """(exit code, what it says)."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: relay
    params: {{collect: [state, keys]}}
    static_configs: [{{targets: ["{}"]}}]
"""


class Metrics(NetworkTest):
    @classmethod
    def start(cls):
        cls.of_client = f"{cls.net.address}.201:9465"
        make = cls.net.make_client

        def with_metrics():
            make()
            with open(cls.net.client_config, "a", encoding="utf-8") as config:
                config.write(f'metrics: {{listen: "{cls.of_client}"}}\n')
        cls.net.make_client = with_metrics
        super().start()

    def page_of_client(self):
        with urllib.request.urlopen(f"http://{self.of_client}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def test_what_applications_do_changes_no_byte_of_a_clients_metrics(self):
        """Pages, a name that does not exist, and a refused port, between the scrapes."""
        idle = self.page_of_client()
        self.assertEqual(promtool(idle), (0, ""))
        self.assertIn('nightjar_client_state{state="ready"} 1\n', idle)
        self.assertIn("nightjar_client_link_up 1\n", idle)
        with urllib.request.urlopen(f"http://{self.of_client}/readyz", timeout=5) as answer:
            self.assertEqual(answer.read(), b"ready\n")
        for number in range(SCRAPES):
            if number % 20 == 0:
                self.curl.fetch(f"/small/{number}", 60, self.net.folder / "page")
            self.assertEqual(self.page_of_client(), idle)
        for target in ("http://no-such-host.nightjar.test/", "http://127.0.0.1:1/"):
            subprocess.run(["curl", "--silent", "--proxy", f"socks5h://{self.net.socks}", "--max-time", "20", target],
                           stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(self.page_of_client(), idle)

    def test_a_clients_metrics_follow_its_link(self):
        """The control. The client's gateway stops; another one has not its link."""
        gateway = self.net.relay(self.net.ask_client()[0]["gateway"])
        self.processes.stop(gateway.name)
        end = time.monotonic() + 30
        while "nightjar_client_link_up 0\n" not in self.page_of_client() and time.monotonic() < end:
            time.sleep(0.2)
        away = self.page_of_client()
        self.assertIn("nightjar_client_link_up 0\n", away)
        self.assertIn("nightjar_client_problem{problem=", away)
        self.net.start_relay(gateway)
        self.net.wait_active(gateway)
        while 'nightjar_client_state{state="ready"} 1\n' not in self.page_of_client() and time.monotonic() < end + 60:
            time.sleep(0.2)
        self.assertIn("nightjar_client_link_up 1\n", self.page_of_client())

    def text_of(self, relay):
        with urllib.request.urlopen(f"http://{relay.metrics}/metrics", timeout=5) as answer:
            return answer.read().decode()

    def test_promtool_has_nothing_to_say(self):
        """Of every relay of a lab, with its exact counters, after traffic."""
        self.curl.keep_busy("/endless", 2)
        for relay in self.net.relays:
            text = self.text_of(relay)
            self.assertGreater(text.count("# TYPE "), METRICS_LEAST)
            self.assertEqual(promtool(text), (0, ""), relay.name)

    def test_promtool_does_complain(self):
        """The control: a metric without its help, and a line that is none."""
        text = self.text_of(self.net.relays[0])
        no_help = "\n".join(line for line in text.splitlines() if not line.startswith("# HELP ")) + "\n"
        for bad in (no_help, text + "nightjar packets in 3\n"):
            code, said = promtool(bad)
            self.assertNotEqual((code, said), (0, ""))
            self.assertNotEqual(code, 0, said)

    def test_a_health_check_by_head(self):
        """wget's --spider and curl's --head, as balancers do it."""
        relay = self.net.relays[0].metrics
        for page in ("metrics", "livez", "readyz", "readyz?from=balancer"):
            url = f"http://{relay}/{page}"
            for command in (["wget", "--spider", "-nv", "-t", "1"], ["curl", "-sS", "--fail", "--head", "-m", "5"]):
                done = subprocess.run([*command, url], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{command[0]} {url}: {done.stdout}{done.stderr}")

    def test_a_scrape_job_with_parameters(self):
        """A real Prometheus says that its target is up."""
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "prometheus.yml"
            config.write_text(CONFIG.format(self.net.relays[0].metrics))
            address = f"{self.net.address}.200:9090"   # an address of this test alone
            with open(Path(folder) / "log", "w") as log:
                server = subprocess.Popen(
                    ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                     f"--web.listen-address={address}"], stdout=log, stderr=log)
            try:
                target = self.scraped(address, server)
            finally:
                server.terminate()
                server.wait()
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.assertIn("collect=state", target["scrapeUrl"])

    def scraped(self, address, server):
        """The first target of this Prometheus, once it has been scraped."""
        end = time.monotonic() + 30
        while time.monotonic() < end and server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{address}/api/v1/targets", timeout=5) as answer:
                    targets = json.load(answer)["data"]["activeTargets"]
            except OSError:
                targets = []
            if targets and targets[0]["health"] != "unknown":
                return targets[0]
            time.sleep(0.2)
        return self.fail("Prometheus scraped nothing")


if __name__ == "__main__":
    unittest.main(verbosity=0)
