"""The documents of the packages link to what is there, and name files that the packages hold. The demo finds its alerts there."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "deploy/packaging")]
import documents  # noqa: E402

DEPLOY = ROOT / "deploy"
CMAKE = (ROOT / "deploy/packaging/packages.cmake").read_text()


def anchors(text):
    """Of a page: its headings, as readers of Markdown name them, and what it names itself."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings} | set(re.findall(r'id="([^"]+)"', text))


def prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


class Documents(unittest.TestCase):
    def setUp(self):
        self.packages = documents.documents()

    def test_every_link_leads_to_a_page_of_the_same_package_and_a_place_in_it(self):
        followed = 0
        for package, pages in self.packages.items():
            for name, text in pages.items():
                for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
                    if "://" in target:
                        continue
                    path, _, anchor = target.partition("#")
                    self.assertIn(path or name, pages, f"{package}/{name}: {target}")
                    if anchor:
                        self.assertIn(anchor, anchors(pages[path or name]), f"{package}/{name}: {target}")
                    followed += 1
        self.assertGreater(followed, 100)

    def test_a_link_to_what_is_not_installed_says_where_it_is(self):
        text = documents.rewritten("[a](b.md#c), [d\ne](link.md), [deploy/grafana/x](../deploy/grafana/x), `deploy/prometheus/y`, "
                                   "![drawn](anonymity/order.svg)\n```\n[i](j.md)\n```\n", ("b.md",))
        self.assertEqual(text, "[a](b.md#c), d\ne (docs/link.md in the source), `/usr/share/nightjar/grafana/x`, "
                         "`/usr/share/nightjar/prometheus/y`, picture: drawn (docs/anonymity/order.svg in the source)\n```\n[i](j.md)\n```\n")

    def test_the_files_that_they_name_are_installed(self):
        named = set()
        for pages in self.packages.values():
            for text in pages.values():
                named |= set(re.findall(r"/usr/share/nightjar/([\w./-]*\w)", text))
        self.assertIn("prometheus/rules/nightjar.yml", named)
        self.assertIn("exit-notice.html", named)
        for name in named:
            self.assertTrue((DEPLOY / name).exists(), name)
            self.assertIn(f"/deploy/{name.split('/')[0]}", CMAKE, name)

    def test_operators_have_what_their_work_needs(self):
        relay = self.packages["nightjar-relay"]
        self.assertLessEqual({"operating.md", "runbook.md", "disclosure.md", "metrics.md", "SECURITY.md", "changes.md"}, set(relay))


class Notice(unittest.TestCase):
    def test_it_loads_nothing_and_runs_nothing(self):
        found = []

        class Reader(HTMLParser):
            def handle_starttag(self, tag, attributes):
                found.append(tag)
                for name, value in attributes:
                    if tag != "meta" and name not in ("lang",):
                        found.append((tag, name, value))
        text = (DEPLOY / "exit-notice.html").read_text()
        Reader().feed(text)
        self.assertLessEqual(set(found), {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "strong",
                                          ("html", "lang", "en")})
        self.assertNotRegex(text, r"url\(|@import|https?:|http-equiv")
        for blank in ("OPERATOR-NAME", "ABUSE-ADDRESS"):
            self.assertEqual(text.count(blank), 1)
            self.assertIn(blank, (ROOT / "docs/runbook.md").read_text())


class InstalledDemo(unittest.TestCase):
    """The files as packages.cmake installs them, without the rest of the tree."""

    def test_it_finds_its_page_and_its_alerts(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        share = folder / "usr/share/nightjar"
        shutil.copytree(DEPLOY / "nightjar_demo", share / "nightjar_demo", ignore=lambda _, names: [
            name for name in names if not name.endswith((".py", ".html"))])
        for name in ("prometheus", "alertmanager"):
            shutil.copytree(DEPLOY / name, share / name)
        script = "import sys, types\nfrom pathlib import Path\nfrom nightjar_demo.monitor import Monitor\n" \
            "net = types.SimpleNamespace(folder=Path(sys.argv[1]), address='127.1.1', relays=[])\n" \
            "Monitor(net).write_settings()\n"
        done = subprocess.run([sys.executable, "-c", script, folder], cwd=folder, capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(share), "PYTHONDONTWRITEBYTECODE": "1"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        made = {str(file.relative_to(folder / "monitor")) for file in (folder / "monitor").rglob("*.*")}
        self.assertEqual(made, {"prometheus.yml", "alertmanager.yml", "rules/nightjar.yml", "consoles/nightjar.html"})

    def test_packages_hold_what_it_needs(self):
        self.assertRegex(CMAKE, r'deploy/nightjar_demo [^\n]*COMPONENT tools\n[^\n]*PATTERN "\*\.html"')


if __name__ == "__main__":
    unittest.main(verbosity=0)
