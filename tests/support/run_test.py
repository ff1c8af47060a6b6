"""How tests/run counts what its programs print: what fails, what may be skipped, and what it prints."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from run import Count, counted  # noqa: E402

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


if __name__ == "__main__":
    unittest.main(verbosity=0)
