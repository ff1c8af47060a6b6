"""What a test program said about its failures, without what passed before them.

A run of all suites prints thousands of lines, and a log may keep only the last of them. So the
runner repeats the failures behind its closing table, each shortened to the part that says why.
"""
import re

RULE = re.compile(r"^={60,}$", re.M)                       # doctest and unittest set failures apart with it
FAILURE = re.compile(r"^(?:FAIL|ERROR): |^\S+:\d+: (?:FATAL )?ERROR: |runtime error: |Sanitizer", re.M)
HEAD, TAIL = 500, 1000                                      # characters kept of a long part
PARTS = 4                                                   # failures repeated of one program


def shortened(text, head=HEAD, tail=TAIL):
    """The text, or its beginning and its end where it is longer than both."""
    text = text.strip("\n")
    return text if len(text) <= head + tail else f"{text[:head]}\n  […]\n{text[-tail:]}"


def essence(output):
    """The parts of a program's output that name a failure, or its end if none does."""
    parts = [part for part in RULE.split(output) if FAILURE.search(part)]
    if not parts:
        return shortened(output, 0, HEAD + TAIL)
    more = [f"  [{len(parts) - PARTS} more]"] if len(parts) > PARTS else []
    return "\n".join([shortened(part) for part in parts[:PARTS]] + more)
