"""How tests/run counts what its programs print, how it finds the test files of a subject, and how its networks choose
their epochs and folders."""
import contextlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent))
import offline  # noqa: E402
from ahead import Ahead  # noqa: E402
import suites  # noqa: E402, F401  registers them
from failures import HEAD, PARTS, TAIL, essence  # noqa: E402
from nightjar_demo import folders, network  # noqa: E402
from run import SUITES, Count, counted, run_suite, suite, wanted_suites  # noqa: E402
from subjects import matching  # noqa: E402

DOCTEST = "[doctest] test cases: 7 | {} passed | {} failed |{} skipped\n"
UNITTEST = "-----\nRan {} tests in 1.5s\n\n{}\n"
REASON = "skipped: no right to capture\n"


def runs(pid):
    """False as well for a process that has ended and that its new parent has not waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class BuildsAhead(unittest.TestCase):
    def test_a_build_runs_when_no_other_process_wants_a_core(self):
        told = io.StringIO()
        policy = "import os, sys; sys.exit(os.sched_getscheduler(0) != os.SCHED_IDLE)"
        ahead = Ahead("/", lambda *build: [["sh", "-c", "exit 0"], [sys.executable, "-c", policy]])
        ahead.want([("fuzz", ("one",))])
        ahead.begin()
        while ahead.wanted[("fuzz", ("one",))] is None:
            time.sleep(0.05)
        with contextlib.redirect_stdout(told):
            self.assertTrue(ahead.result(("fuzz", ("one",))))
            self.assertTrue(ahead.result(("fuzz", ("one",))))
        self.assertEqual(told.getvalue().count("build fuzz: done"), 1)

    def test_a_build_that_is_waited_for_has_the_priority_of_all(self):
        policy = ("import os, sys, time\n"
                  "while os.geteuid() == 0 and os.sched_getscheduler(0) == os.SCHED_IDLE: time.sleep(0.05)")
        ahead = Ahead("/", lambda *build: [["sh", "-c", "exit 0"], [sys.executable, "-c", policy]])
        ahead.want([("fuzz", ())])
        ahead.begin()
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertTrue(ahead.result(("fuzz", ())))

    def test_a_build_that_fails_says_why_and_stops_no_other(self):
        told = io.StringIO()
        ahead = Ahead("/", lambda name, targets: [["sh", "-c", f"echo of {name}; exit {targets[0]}"]])
        ahead.want([("bad", (1,)), ("good", (0,))])
        with contextlib.redirect_stdout(told):
            self.assertFalse(ahead.result(("bad", (1,))))
            self.assertTrue(ahead.result(("good", (0,))))
        self.assertIn("of bad\n\n  build bad: failed", told.getvalue())

    def test_a_run_that_is_ended_ends_its_build(self):
        code = ("import sys, time; sys.path.insert(0, sys.argv[1]); from ahead import Ahead\n"
                "ahead = Ahead('/', lambda *build: [['sh', '-c', 'echo $$ > ' + sys.argv[2] + '; sleep 600']])\n"
                "ahead.want([('fuzz', ())]); ahead.begin(); time.sleep(600)")
        with tempfile.TemporaryDirectory() as folder:
            said = Path(folder) / "pid"
            run = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).resolve().parent), str(said)])
            while not (said.exists() and said.read_text().strip()):
                time.sleep(0.05)
            run.terminate()
            self.assertEqual(run.wait(timeout=60), -signal.SIGTERM)
            deadline = time.monotonic() + 60
            while runs(said.read_text().strip()) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertFalse(runs(said.read_text().strip()))

    def test_nothing_is_built_before_the_first_suite_has_its_build(self):
        ahead = Ahead("/", lambda *build: self.fail("built too early"))
        ahead.want([("fuzz", ())])
        self.assertIsNone(ahead.wanted[("fuzz", ())])


class Counting(unittest.TestCase):
    def test_each_kind_of_closing_line(self):
        self.assertEqual(counted(0, DOCTEST.format(7, 0, 0)), Count(7, 0))
        self.assertEqual(counted(1, DOCTEST.format(5, 2, 0)), Count(5, 2))
        self.assertEqual(counted(0, "so far so good\n12 passed, 0 failed\n"), Count(12, 0))
        self.assertEqual(counted(0, UNITTEST.format(3, "OK")), Count(3, 0))
        self.assertEqual(counted(1, UNITTEST.format(5, "FAILED (failures=1, errors=2)")), Count(2, 3))

    def test_lines_behind_the_closing_one_hide_nothing(self):
        self.assertEqual(counted(1, UNITTEST.format(3, "FAILED (failures=1)") + "goodbye\n"), Count(2, 1))
        self.assertEqual(counted(0, UNITTEST.format(3, "OK (skipped=3)") + "goodbye\n"), Count(0, 1, 3))

    def test_a_crash_is_a_failure(self):
        self.assertEqual(counted(-11, "12 passed, 0 failed\n"), Count(12, 1))
        self.assertEqual(counted(-11, ""), Count(0, 1))

    def test_no_test_is_a_failure(self):
        self.assertEqual(counted(0, ""), Count(0, 1))
        self.assertEqual(counted(0, UNITTEST.format(0, "OK")), Count(0, 1))

    def test_a_skip_without_leave_is_a_failure(self):
        self.assertEqual(counted(0, REASON + UNITTEST.format(3, "OK (skipped=1)")), Count(2, 1, 1))
        self.assertEqual(counted(0, REASON + DOCTEST.format(6, 0, 1)), Count(6, 1, 1))

    def test_a_skip_with_leave_needs_its_reason(self):
        said = UNITTEST.format(3, "OK (skipped=3)")
        self.assertEqual(counted(0, said, skips_allowed=True), Count(0, 1, 3))
        self.assertEqual(counted(0, REASON + said, skips_allowed=True), Count(0, 0, 3))

    def test_an_unexpected_success_is_a_failure(self):
        self.assertEqual(counted(1, UNITTEST.format(3, "FAILED (unexpected successes=1)")), Count(2, 1))

    def test_an_expected_failure_is_a_failure(self):
        self.assertEqual(counted(0, UNITTEST.format(3, "OK (expected failures=1)")), Count(2, 1))

    def test_the_closing_line(self):
        self.assertEqual(str(Count(3, 0)), "3 passed, 0 failed")
        self.assertEqual(str(Count(3, 1) + Count(1, 0, 2)), "4 passed, 1 failed, 2 skipped")


class SideBySide(unittest.TestCase):
    def test_each_program_of_a_list_is_counted_and_printed(self):
        @suite("in-a-list")
        def in_a_list():
            yield [(name, ["echo", f"{passed} passed, {1 - passed} failed"], {}) for name, passed in (("a", 1), ("b", 0))]
            yield "c", ["echo", "2 passed, 0 failed"], {}
        self.addCleanup(SUITES.pop, "in-a-list")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            self.assertEqual(run_suite("in-a-list"), Count(3, 1))
        for line in ("  a: 1 passed", "  b: exit 0, 1 failed: echo 0 passed, 1 failed", "  c: 2 passed"):
            self.assertIn(line, printed.getvalue().splitlines())


class Failures(unittest.TestCase):
    RULE = "=" * 79 + "\n"

    def test_only_what_failed_is_repeated(self):
        doctest = f"{self.RULE}a.cpp:7:\nTEST CASE:  good\n\na.cpp:9: MESSAGE: fine\n\n{self.RULE}a.cpp:20:\n" \
                  f"TEST CASE:  bad\n\na.cpp:21: ERROR: CHECK( 1 == 2 ) is NOT correct!\n\n{self.RULE}7 passed\n"
        self.assertIn("TEST CASE:  bad\n\na.cpp:21: ERROR: CHECK( 1 == 2 )", essence(doctest))
        self.assertNotIn("good", essence(doctest))
        failed = f"{self.RULE}FAIL: test_it (ends.Ends)\n{'-' * 70}\nTraceback\nAssertionError: 1 != 2\n"
        self.assertIn("FAIL: test_it (ends.Ends)", essence("much output\n" + failed))
        self.assertIn("1 != 2", essence("much output\n" + failed))
        self.assertNotIn("much output", essence("much output\n" + failed))

    def test_output_that_names_no_failure_is_repeated_from_its_end(self):
        self.assertEqual(essence("x" * 5000 + "the end\n")[-7:], "the end")
        self.assertLess(len(essence("x" * 5000)), HEAD + TAIL + 20)

    def test_what_is_repeated_is_bounded(self):
        part = f"{self.RULE}FAIL: test_it\n{'x' * 9000}\n"
        self.assertLess(len(essence(part * 50)), PARTS * (HEAD + TAIL + 20) + 20)
        self.assertIn(f"[{50 - PARTS} more]", essence(part * 50))


class Epochs(unittest.TestCase):
    def test_at_any_time_the_epoch_has_begun_and_goes_on_for_20_minutes(self):
        for least, most in (offline.EPOCH_SECONDS, network.EPOCH_SECONDS):
            for now in range(1_800_000_000, 1_803_000_000, 311):
                length = network.quiet_length(least, most, now)
                self.assertTrue(least <= length <= most and length % 60 == 0, length)
                self.assertGreater(now % length, 400, f"{now}, {length}")
                self.assertGreater(length - now % length, 1200, f"{now}, {length}")


class Folders(unittest.TestCase):
    def test_a_run_begins_while_the_last_one_of_others_ends(self):
        """The last one removes the folder of all runs. Here it does so at the worst moment."""
        sweep, removed = folders.sweep, []

        def sweep_before_the_others_end(base):
            sweep(base)
            if not removed:
                base.rmdir()
                removed.append(base)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as own, mock.patch.dict(os.environ, XDG_RUNTIME_DIR=own), \
                mock.patch.object(folders, "sweep", sweep_before_the_others_end):
            folders.Run().remove()
            self.assertEqual(removed, [Path(own) / "nightjar-demo"])
            self.assertEqual(os.listdir(own), [])


class Subjects(unittest.TestCase):
    ALL = ["client/core/core", "relay/core/mix_queue", "relay/core/mailbox", "relay/operation/metrics"]

    def test_a_file_is_named_by_its_last_part_or_its_path(self):
        self.assertEqual(matching("mix_queue", self.ALL), ["relay/core/mix_queue"])
        self.assertEqual(matching("relay/core/mix_queue", self.ALL), ["relay/core/mix_queue"])
        self.assertEqual(matching("queue", self.ALL), [])

    def test_a_folder_names_its_files_unless_a_file_has_that_name(self):
        self.assertEqual(matching("relay/core/", self.ALL), ["relay/core/mix_queue", "relay/core/mailbox"])
        self.assertEqual(matching("core", self.ALL), ["client/core/core"])

    def test_a_word_behind_a_suite_is_a_subject_of_it(self):
        self.assertEqual(wanted_suites(["unit", "mix_queue", "vectors"]), {"unit": ["mix_queue"], "vectors": []})

    def test_a_word_that_names_nothing_is_refused(self):
        for words, said in ((["unit", "mix_queu"], "near it: .*mix_queue"), (["fuzz", "mux"], "takes no subject"),
                            (["mix_queue"], "no suite 'mix_queue'"), (["vectors", "mix_queue"], "no test file")):
            with self.assertRaisesRegex(ValueError, said):
                wanted_suites(words)


if __name__ == "__main__":
    unittest.main(verbosity=0)
