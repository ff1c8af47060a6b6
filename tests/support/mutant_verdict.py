"""Whether a broken product was noticed by the check that a mutant names, and by nothing else.

A test that crashes, is left by an exception, stops at an `assert` of the product or takes too long is red as
well. But then it is chance that the breakage showed: the check itself may have let it pass.
"""
import re

KILLED, SURVIVED = "killed", "survived"
CRASHED = "killed by a crash, not by its check"
THREW = "killed by an exception, not by its check"
OVER_TIME = "its test does not end in time"
OTHER_FAILURE = "red, but not by a check of its case"

# doctest: "FILE:LINE: ERROR: CHECK( … ) is NOT correct!", FATAL ERROR where it is a REQUIRE.
FAILED_CHECK = re.compile(r":\d+: (?:FATAL )?ERROR: ")
CASE = re.compile(r"TEST CASE:  (.*)")


def of_doctest(case, code, output):
    # An `assert` of the product, or of the library, speaks before doctest catches its signal.
    if code != 1 or "test case CRASHED" in output or re.search(r"Assertion `.*' failed", output):
        return CRASHED
    if "THREW exception" in output:
        return THREW
    inside = None
    for line in output.splitlines():
        if begins := CASE.match(line):
            inside = begins.group(1).strip()
        elif FAILED_CHECK.search(line) and inside == case:
            return KILLED
    return OTHER_FAILURE


def of_unittest(case, code, output):
    method = case.rpartition(".")[2]
    if code != 1:
        return CRASHED
    if re.search(r"^ERROR: ", output, re.MULTILINE):
        return THREW
    if re.search(rf"^FAIL: {re.escape(method)} \(", output, re.MULTILINE):
        return KILLED
    return OTHER_FAILURE


def verdict(program, case, code, output):
    """`code`: how the test ended, below 0 by a signal, None if it had to be stopped."""
    if code is None:
        return OVER_TIME
    if code == 0:
        return SURVIVED
    judge = of_unittest if program.endswith(".py") else of_doctest
    return judge(case, code, output)
