"""`nightjar doctor` while no client runs: each finding by a real fault."""
import json
import os
import resource
import shlex
import shutil
import socket
import subprocess
import sys
import unittest
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
from offline import CLIENT, FAILURE, OK, OfflineNetwork, own_mounts  # noqa: E402

SCHEMA = json.loads((ROOT / "docs/interface/doctor.schema.json").read_text(encoding="utf-8"))


class Doctor(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()
        self.config = self.init_client()
        self.state = self.folder / "client" / "state"
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.gateway = self.gateways_address()
        self.listener = socket.create_server(self.gateway)

    def tearDown(self):
        self.listener.close()
        super().tearDown()

    def gateways_address(self):
        """Of the first gateway of the anchors."""
        anchors = (self.folder / "client" / "network.yaml").read_text()
        host, port = anchors.split("address:")[1].split('"')[1].rsplit(":", 1)
        return host, int(port)

    def findings(self, code=OK, before=(), preexec=None):
        done = subprocess.run([*before, CLIENT, "doctor", "--json", "--config", self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, preexec_fn=preexec, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (code, ""), done.stdout)
        report = json.loads(done.stdout)
        jsonschema.validate(report, SCHEMA)
        states = [finding["state"] for finding in report["findings"]]
        self.assertEqual(report["worst"], max(states, key=["ok", "warning", "bad"].index))
        for finding in report["findings"]:
            self.assertEqual(finding["state"] == "ok", finding["mend"] == "", finding)
        return {finding["name"]: finding for finding in report["findings"]}

    def assert_finding(self, finding, state, *words):
        self.assertEqual(finding["state"], state, finding)
        for word in words:
            self.assertIn(word, finding["seen"] + " " + finding["mend"])

    def test_a_sound_machine_has_no_finding_but_that_no_client_runs(self):
        found = self.findings()
        self.assert_finding(found.pop("client"), "warning", "control.sock", "nightjar run")
        self.assertEqual({finding["state"] for finding in found.values()}, {"ok"}, found)
        self.assertEqual(set(found), {"clock", "gateway", "listener 127.0.0.1:0", "files", "disk", "descriptors"})

    def test_as_text_each_finding_has_its_mend(self):
        os.chmod(self.state, 0o777)
        done = subprocess.run([CLIENT, "doctor", "--config", self.config], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, FAILURE)
        self.assertRegex(done.stdout, rf"(?m)^bad +files +others may write to {self.state}\n"
                                      rf" +mend: chmod 700 {self.state} as its owner$")

    def test_files_that_others_may_read_or_write(self):
        guards = self.state / "guards.yaml"
        guards.write_text("")
        os.chmod(guards, 0o640)
        self.assert_finding(self.findings(FAILURE)["files"], "bad", str(guards), "chmod 600")

    def test_a_gateway_that_does_not_answer(self):
        self.listener.close()
        self.assert_finding(self.findings(FAILURE)["gateway"], "bad", "%s:%d" % self.gateway, "refused", "firewall")

    def test_a_port_that_another_program_has(self):
        host, port = f"{self.claim.network}.200", 9150      # an address of this test alone
        self.edited(lambda text: text.replace("127.0.0.1:0", f"{host}:{port}"))
        with socket.create_server((host, port)):
            self.assert_finding(self.findings(FAILURE)[f"listener {host}:{port}"], "bad", f"(PID {os.getpid()})")
        self.assert_finding(self.findings()[f"listener {host}:{port}"], "ok", "free")

    def test_a_clock_that_is_behind_and_a_document_that_has_ended(self):
        for begin, end, code, state, word in ((3600, 7200, FAILURE, "bad", "set the clock"),
                                              (-7200, -3600, OK, "warning", "fetches a newer"),
                                              (-60, 3600, OK, "ok", "valid now")):
            self.sign_validity(begin, end)
            shutil.copy(self.folder / "document", self.state / "document.txt")
            with self.subTest(begin=begin):
                self.assert_finding(self.findings(code)["clock"], state, word)

    def test_routes_before_the_first_run(self):
        self.refuses(FAILURE, "keeps no relays yet", program=CLIENT, arguments=["routes", "--config", self.config])

    def test_few_file_descriptors(self):
        for limit, code, state in ((200, FAILURE, "bad"), (1000, OK, "warning")):
            def lower(limit=limit):
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            with self.subTest(limit=limit):
                self.assert_finding(self.findings(code, preexec=lower)["descriptors"], state, str(limit), "LimitNOFILE")

    def test_a_disk_that_is_full_or_read_only(self):
        for options, code, state, word in (("size=2m", FAILURE, "bad", "make room"),
                                           ("size=32m", OK, "warning", "make room"),
                                           ("ro", FAILURE, "bad", "read-only")):
            before = own_mounts(f"mount -t tmpfs -o mode=700,{options} none {shlex.quote(str(self.state))}")
            with self.subTest(options=options):
                self.assert_finding(self.findings(code, before)["disk"], state, word, str(self.state))


if __name__ == "__main__":
    unittest.main(verbosity=0)
