"""How tests/run counts what its programs print, and how it finds the test files of a subject."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import suites  # noqa: E402, F401  registers them
from run import Count, counted, wanted_suites  # noqa: E402
from subjects import matching  # noqa: E402

DOCTEST = "[doctest] test cases: 7 | {} passed | {} failed |{} skipped\n"
UNITTEST = "-----\nRan {} tests in 1.5s\n\n{}\n"
REASON = "skipped: no right to capture\n"


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
