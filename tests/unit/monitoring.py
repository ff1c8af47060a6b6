"""What deploy/ ships for Prometheus, Alertmanager and Grafana: promtool accepts the rules and each alert fires and is
silent in its own test; every query names metrics and labels that a relay exports; the boards can be provisioned."""
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy"))
from nightjar_demo.monitor import shortened  # noqa: E402

PROMETHEUS, GRAFANA = ROOT / "deploy/prometheus", ROOT / "deploy/grafana"
ROW = re.compile(r"^\| `((?:nightjar|process)_\w+)(?:\{([\w,]+)\})?` \| ([SWL]) \|")
NAME = re.compile(r"\b((?:nightjar|process)_\w+)(\{[^}]*\})?")
# Beside our own: Prometheus' own series, with the labels of a scrape job.
OF_A_SCRAPE = {"job", "instance", "layer"}
WORDS = {"by", "without", "on", "ignoring", "group_left", "and", "or", "unless", "bool", "offset"}
FUNCTIONS = {"sum", "count", "min", "max", "abs", "time", "vector", "changes", "increase"}


def declared():
    """{name: (labels, class)} of the table in docs/metrics.md, which a unit test compares with the declarations."""
    rows = (ROW.match(line) for line in (ROOT / "docs/metrics.md").read_text().splitlines())
    return {row[1]: (set((row[2] or "").split(",")) - {""}, row[3]) for row in rows if row}


def faults(query, metrics):
    """What is wrong with a query: names, labels and classes."""
    found = []
    names = set()
    for name, selector in NAME.findall(query):
        names.add(name)
        if name not in metrics:
            found.append(f"{name} is no metric")
            continue
        labels, shown = metrics[name]
        found += [f"{name} has no label {label}" for label in re.findall(r"(\w+)\s*(?:!|=)", selector)
                  if label not in labels | OF_A_SCRAPE]
        if shown == "L":
            found.append(f"{name} exists in a lab only")
    bare = re.sub(r'\{[^}]*\}|"[^"]*"|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left)\s*\([^)]*\)',
                  " ", query)
    for word in re.findall(r"\b[a-z_]\w*\b", bare):
        if word not in names | WORDS | FUNCTIONS | {"up"}:
            found.append(f"{word} is unknown")
    for grouped in re.findall(r"\b(?:by|on|ignoring)\s*\(([^)]*)\)", query):
        known = OF_A_SCRAPE.union(*(metrics[name][0] for name in names if name in metrics))
        found += [f"nothing has the label {label}" for label in re.findall(r"\w+", grouped) if label not in known]
    return found


def promtool(*words):
    done = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, cwd=PROMETHEUS)
    return done.returncode, done.stdout + done.stderr


def rules():
    return yaml.safe_load((PROMETHEUS / "rules/nightjar.yml").read_text())["groups"][0]["rules"]


class Alerts(unittest.TestCase):
    def test_promtool_accepts_them(self):
        for words in (("check", "config", "prometheus.yml"), ("check", "rules", "rules/nightjar.yml"),
                      ("test", "rules", "tests/nightjar_test.yml")):
            code, said = promtool(*words)
            self.assertEqual(code, 0, said)

    def test_each_has_its_section_in_the_runbook(self):
        part = (ROOT / "docs/runbook.md").read_text().partition("## Alerts\n")[2].partition("\n## ")[0]
        sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", part, re.M | re.S))
        self.assertEqual(list(sections), [rule["alert"] for rule in rules()])
        for name, text in sections.items():
            for word in ("**Means.**", "**Look at.**", "**Do.**"):
                self.assertEqual(text.count(word), 1, f"{name} {word}")

    def test_the_demo_waits_for_seconds(self):
        with tempfile.TemporaryDirectory() as folder:
            short = Path(folder) / "rules.yml"
            short.write_text(shortened((PROMETHEUS / "rules/nightjar.yml").read_text()))
            code, said = promtool("check", "rules", short)
            waits = {rule.get("for", "5s") for rule in yaml.safe_load(short.read_text())["groups"][0]["rules"]}
        self.assertEqual(code, 0, said)
        self.assertEqual(waits, {"5s"})

    def test_the_demos_page_asks_for_what_exists_and_nothing_else(self):
        page = (ROOT / "deploy/nightjar_demo/board.html").read_text()
        queries = re.findall(r"^  \[\"[^\"]*\", (?:'([^']*)'|\"([^\"]*)\"), ", page, re.M)
        self.assertGreater(len(queries), 5)
        for query in queries:
            # The demo gives each relay's name as a label of the scrape.
            self.assertEqual(faults("".join(query).replace("by (relay)", "by (instance)"), declared()), [], query)
        self.assertNotRegex(page, r"(?:src|href)=|https?://(?!www\.w3\.org/2000/svg)|\{\{")

    def test_each_one_is_shown_to_fire_and_to_be_silent(self):
        tests = yaml.safe_load((PROMETHEUS / "tests/nightjar_test.yml").read_text())["tests"]
        seen = {(one["alertname"], bool(one["exp_alerts"])) for test in tests for one in test["alert_rule_test"]}
        self.assertEqual(seen, {(rule["alert"], fires) for rule in rules() for fires in (True, False)})

    def test_a_rule_that_never_fires_fails_its_test(self):
        """The control: with all rules dead, the test of each one fails."""
        with tempfile.TemporaryDirectory() as folder:
            # An expression is one line, or a folded text of deeper lines.
            dead = re.sub(r"expr: (>-\n(          .*\n)+|.*\n)", "expr: vector(1) < 0\n",
                          (PROMETHEUS / "rules/nightjar.yml").read_text())
            for name, text in (("rules/nightjar.yml", dead),
                               ("tests/test.yml", (PROMETHEUS / "tests/nightjar_test.yml").read_text())):
                (Path(folder) / name).parent.mkdir()
                (Path(folder) / name).write_text(text)
            code, said = promtool("test", "rules", Path(folder) / "tests/test.yml")
        self.assertNotEqual(code, 0)
        for rule in rules():
            self.assertIn(f"{rule['alert']} fires", said)

    def test_their_metrics_exist(self):
        for rule in rules():
            self.assertEqual(faults(rule["expr"], declared()), [], rule["alert"])
            self.assertIn(rule["labels"]["severity"], ("page", "ticket"))

    def test_a_wrong_query_is_found(self):
        for query in ("nightjar_window_packets_total", 'nightjar_window_packets{peer="x"}', "nightjar_lab_packets_in_total",
                      "sum by (client) (nightjar_window_packets)",
                      "nightjar_epoch > on (client) nightjar_epoch", "some_other_metric > 1"):
            self.assertNotEqual(faults(query, declared()), [], query)


class Boards(unittest.TestCase):
    def boards(self):
        return [json.loads(file.read_text()) for file in sorted((GRAFANA / "dashboards").glob("*.json"))]

    def test_there_are_three_with_fixed_names(self):
        self.assertEqual([board["uid"] for board in self.boards()],
                         ["nightjar-directory", "nightjar-network", "nightjar-relay"])

    def test_every_query_names_a_metric_that_exists(self):
        asked = 0
        for board in self.boards():
            for panel in board["panels"]:
                for target in panel["targets"]:
                    self.assertEqual(faults(target["expr"], declared()), [], panel["title"])
                    asked += 1
        self.assertGreater(asked, 30)

    def test_panels_have_a_unit_and_the_variable_as_their_source(self):
        for board in self.boards():
            self.assertEqual(board["templating"]["list"][0]["type"], "datasource")
            self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
            for panel in board["panels"]:
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])
                for part in (panel, *panel["targets"]):
                    self.assertEqual(part["datasource"]["uid"], "${datasource}", panel["title"])

    def test_windows_are_not_given_to_rate(self):
        """A gauge of the last window must not be differentiated (R4)."""
        for board in self.boards():
            for panel in board["panels"]:
                for target in panel["targets"]:
                    self.assertNotRegex(target["expr"], r"\b(rate|irate|increase|delta)\(\s*nightjar_window")

    def test_provisioning_forbids_edits(self):
        provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/nightjar.yaml").read_text())["providers"][0]
        self.assertIs(provider["allowUiUpdates"], False)
        source = yaml.safe_load((GRAFANA / "provisioning/datasources/nightjar.yaml").read_text())["datasources"][0]
        self.assertTrue(source["uid"])


if __name__ == "__main__":
    unittest.main(verbosity=0)
