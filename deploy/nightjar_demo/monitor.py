"""--monitor: Debian's Prometheus and Alertmanager over the demo's relays, as an operator has them.

The relays show what they show in production, but in windows of some seconds, which only a lab may have. The alert rules
are those of deploy/prometheus, with short waits.
"""
import json
import re
import shutil
import time
import urllib.request
from pathlib import Path

from .network import Network
from .progress import DemoError, say, stage

# In the source: deploy/. Installed: /usr/share/nightjar, where the package nightjar-relay puts the same files.
SETTINGS = Path(__file__).resolve().parent.parent
PROGRAMS = ("prometheus", "prometheus-alertmanager")    # and Debian's packages have the same names
WINDOW_SECONDS = 10
WINDOWS = 3             # that must be seen before a relay is stopped
PROMETHEUS_PORT, ALERTMANAGER_PORT = 19090, 19093    # Debian's services listen on all addresses at 9090 and 9093
READY_SECONDS = 30
WAIT_SECONDS = 90       # for windows, and for the alert
TAKEN_DOWN, ALERT = "mix-2a", "NightjarDown"
BOARD = "nightjar.html"


def shortened(rules):
    """The rules with waits of seconds instead of minutes."""
    return re.sub(r"for: \w+", "for: 5s", rules)


def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise DemoError(f"no answer from {url}: {error}") from error


class MonitoredNetwork(Network):
    """A network whose relays show windowed metrics only."""

    def make_keys(self):
        super().make_keys()
        for relay in self.relays:
            text = relay.config.read_text()
            listen = f'metrics: {{listen: "{relay.metrics}"'
            if listen not in text:
                raise DemoError(f"{relay.config} has no metrics")
            relay.config.write_text(text.replace(listen, f"{listen}, window: {WINDOW_SECONDS}s, exact: false"))


class Monitor:
    def __init__(self, network):
        self.network = network
        self.folder = network.folder / "monitor"
        self.prometheus = f"{network.address}.249:{PROMETHEUS_PORT}"
        self.alertmanager = f"{network.address}.249:{ALERTMANAGER_PORT}"

    @property
    def page(self):
        return f"http://{self.prometheus}/consoles/{BOARD}"

    def write_settings(self):
        (self.folder / "rules").mkdir(parents=True)
        (self.folder / "consoles").mkdir()
        shutil.copy(Path(__file__).with_name("board.html"), self.folder / "consoles" / BOARD)
        rules = (SETTINGS / "prometheus/rules/nightjar.yml").read_text()
        (self.folder / "rules/nightjar.yml").write_text(shortened(rules))
        alerts = (SETTINGS / "alertmanager/alertmanager.yml").read_text()
        (self.folder / "alertmanager.yml").write_text(re.sub(r"group_wait: \w+", "group_wait: 1s", alerts))
        targets = [{"targets": [relay.metrics], "labels": {"layer": str(relay.layer), "relay": relay.name}}
                   for relay in self.network.relays]
        # JSON is YAML too.
        (self.folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "2s", "evaluation_interval": "2s"},
            "rule_files": ["rules/nightjar.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [self.alertmanager]}]}]},
            "scrape_configs": [{"job_name": "nightjar-relay", "static_configs": targets}]}))

    def start(self):
        self.write_settings()
        start = self.network.processes.start
        start("alertmanager", ["prometheus-alertmanager", f"--config.file={self.folder}/alertmanager.yml",
                               f"--storage.path={self.folder}/alerts", "--cluster.listen-address=",
                               f"--web.listen-address={self.alertmanager}"], "Listening on", READY_SECONDS)
        start("prometheus", ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                             f"--storage.tsdb.path={self.folder}/data", "--storage.tsdb.retention.time=1d",
                             f"--web.listen-address={self.prometheus}",
                             f"--web.console.templates={self.folder}/consoles",
                             f"--web.console.libraries={self.folder}/consoles"],
              "Server is ready to receive web requests", READY_SECONDS)

    def value(self, query):
        """The one number that a query gives, or None."""
        found = ask(f"http://{self.prometheus}/api/v1/query?query={urllib.request.quote(query)}")["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self, severity=None):
        """{name of an alert: what it is about} of what Alertmanager shows; of all severities or one."""
        alerts = {}
        for alert in ask(f"http://{self.alertmanager}/api/v2/alerts"):
            labels = alert["labels"]
            if severity in (None, labels["severity"]):
                about = labels.get("relay") or labels.get("instance") or f"layer {labels['layer']}"
                alerts.setdefault(labels["alertname"], set()).add(about)
        return alerts

    def wait(self, what, done):
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            if found := done():
                return found
            time.sleep(1)
        raise DemoError(f"{what}: not within {WAIT_SECONDS} s")


def run_monitor(network, start):
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        raise DemoError(f"not installed: {' '.join(missing)}; apt-get install {' '.join(missing)}")
    start(network)
    monitor = Monitor(network)
    with stage("Prometheus and Alertmanager, of Debian") as note:
        monitor.start()
        note(f"graphs: {monitor.page}")
        note(f"alerts: http://{monitor.alertmanager}/#/alerts")
    everyone = len(network.relays)
    with stage(f"{WINDOWS} windows of {WINDOW_SECONDS} s of {everyone} relays, rounded and with noise") as note:
        monitor.wait("windows", lambda: monitor.value(
            f"count(count_over_time(nightjar_window_seconds[{WINDOWS * WINDOW_SECONDS}s])"
            f" >= {WINDOWS * WINDOW_SECONDS // 2 - 2})") == everyone)
        note(f"packets of the last window: {monitor.value('sum(nightjar_window_packets)'):.0f} in and out of all relays")
        if monitor.value('count(nightjar_metrics_policy_info{mode="lab"})'):
            raise DemoError("a relay shows exact values")
        # In windows this short, noise alone can fire a ticket.
        if early := monitor.firing("page"):
            raise DemoError(f"alerts fire although all relays run: {early}")
    with stage(f"{TAKEN_DOWN} is taken down; {ALERT} must fire") as note:
        network.processes.stop(TAKEN_DOWN)
        fired = monitor.wait(ALERT, lambda: (found := monitor.firing()).get(ALERT) == {TAKEN_DOWN} and found)
        for name, relays in sorted(fired.items()):
            note(f"firing: {name} ({', '.join(sorted(relays))})")
    network.processes.check()
    say(f"\nGraphs: {monitor.page}")
