"""The verdict on a mutant, from what doctest and unittest have printed: only the named check counts."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
import mutant_verdict as verdicts  # noqa: E402
from mutant_verdict import verdict  # noqa: E402

CASE = "keyring: a key, and its grace"
SEGFAULT, ABORT = -11, -6


def doctest(*lines, case=CASE):
    """What doctest 2.4.9 prints of one case that fails."""
    bar = "=" * 79
    return "\n".join(["[doctest] run with \"--help\" for options", bar, "keyring_test.cpp:40:",
                      f"TEST CASE:  {case}", *lines, "", bar,
                      "[doctest] test cases: 1 | 0 passed | 1 failed | 7 skipped", "[doctest] Status: FAILURE!"])


def unittest_says(*headings):
    blocks = [f"{'=' * 70}\n{heading}\n{'-' * 70}\nTraceback (most recent call last):\n  …\n" for heading in headings]
    return "".join(blocks) + "-" * 70 + "\nRan 1 test in 0.001s\n\nFAILED (failures=1)\n"


CHECK = "keyring_test.cpp:52: ERROR: CHECK( found == accepted ) is NOT correct!"
REQUIRE = "keyring_test.cpp:52: FATAL ERROR: REQUIRE( held ) is NOT correct!"


class OfDoctest(unittest.TestCase):
    def judged(self, code, output):
        return verdict("tests/unit/unit_tests", CASE, code, output)

    def test_a_failed_check_kills(self):
        for line in (CHECK, REQUIRE, "keyring_test.cpp:52: ERROR: it still has the key",
                     "keyring_test.cpp:52: ERROR: CHECK_THROWS( read() ) did NOT throw at all!"):
            self.assertEqual(self.judged(1, doctest(line)), verdicts.KILLED, line)
        self.assertEqual(self.judged(1, doctest("  a subcase", "", CHECK)), verdicts.KILLED)

    def test_a_green_test_lets_the_mutant_survive(self):
        self.assertEqual(self.judged(0, "[doctest] Status: SUCCESS!"), verdicts.SURVIVED)

    def test_a_crash_does_not_kill_not_even_behind_a_failed_check(self):
        crash = "keyring_test.cpp:40: FATAL ERROR: test case CRASHED: SIGSEGV - Segmentation violation signal"
        for code in (1, 139, SEGFAULT):
            self.assertEqual(self.judged(code, doctest(crash)), verdicts.CRASHED)
            self.assertEqual(self.judged(code, doctest(CHECK, crash)), verdicts.CRASHED)
        self.assertEqual(self.judged(SEGFAULT, doctest(CHECK)), verdicts.CRASHED)
        self.assertEqual(self.judged(SEGFAULT, ""), verdicts.CRASHED)

    def test_an_assert_of_the_product_does_not_kill(self):
        says = "unit_tests: keyring.cpp:21: void add(): Assertion `key && seen' failed.\n"
        self.assertEqual(self.judged(ABORT, says), verdicts.CRASHED)
        self.assertEqual(self.judged(1, says + doctest(CHECK)), verdicts.CRASHED)

    def test_an_exception_does_not_kill(self):
        for line in ("keyring_test.cpp:40: ERROR: test case THREW exception: map::at",
                     "keyring_test.cpp:52: ERROR: CHECK( at(7) ) THREW exception: \"map::at\""):
            self.assertEqual(self.judged(1, doctest(line)), verdicts.THREW)
            self.assertEqual(self.judged(1, doctest(CHECK, line)), verdicts.THREW)

    def test_a_check_of_another_case_does_not_kill(self):
        self.assertEqual(self.judged(1, doctest(CHECK, case="another")), verdicts.OTHER_FAILURE)
        self.assertEqual(self.judged(1, doctest()), verdicts.OTHER_FAILURE)

    def test_a_test_that_had_to_be_stopped_does_not_kill(self):
        self.assertEqual(self.judged(None, doctest(CHECK)), verdicts.OVER_TIME)


class OfUnittest(unittest.TestCase):
    def judged(self, code, output):
        return verdict("tests/system/faults_clock_test.py", "Clock.test_expired", code, output)

    def test_a_failed_check_kills(self):
        for heading in ("FAIL: test_expired (__main__.Clock.test_expired)", "FAIL: test_expired (__main__.Clock)",
                        "FAIL: test_expired (__main__.Clock.test_expired) (row=3)"):
            self.assertEqual(self.judged(1, unittest_says(heading)), verdicts.KILLED, heading)

    def test_a_green_test_lets_the_mutant_survive(self):
        self.assertEqual(self.judged(0, "Ran 1 test in 0.1s\n\nOK\n"), verdicts.SURVIVED)

    def test_an_error_does_not_kill_not_even_beside_a_failed_check(self):
        # A time-out inside a test is an exception: TimeoutExpired.
        fail = "FAIL: test_expired (__main__.Clock.test_expired)"
        for heading in ("ERROR: test_expired (__main__.Clock.test_expired)", "ERROR: setUpClass (__main__.Clock)"):
            self.assertEqual(self.judged(1, unittest_says(heading)), verdicts.THREW)
            self.assertEqual(self.judged(1, unittest_says(fail, heading)), verdicts.THREW)

    def test_another_test_does_not_kill(self):
        for name in ("test_early", "test_expired_this_second"):
            self.assertEqual(self.judged(1, unittest_says(f"FAIL: {name} (__main__.Clock.{name})")),
                             verdicts.OTHER_FAILURE)

    def test_a_crash_or_a_stop_does_not_kill(self):
        self.assertEqual(self.judged(SEGFAULT, ""), verdicts.CRASHED)
        self.assertEqual(self.judged(None, ""), verdicts.OVER_TIME)


if __name__ == "__main__":
    unittest.main(verbosity=0)
