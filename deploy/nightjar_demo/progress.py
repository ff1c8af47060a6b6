"""What the person in front of the demo sees: a line per stage, and a sign of life in long ones."""
import contextlib
import sys
import threading
import time

STARTED = time.monotonic()
SIGN_OF_LIFE = 5


class DemoError(Exception):
    """Ends the demo with one line that names what is wrong."""


def say(text=""):
    print(text, flush=True)


@contextlib.contextmanager
def stage(title):
    """Prints the title, then a line every few seconds; yields a function for notes."""
    started, stop = time.monotonic(), threading.Event()
    say(f"[{started - STARTED:5.1f} s] {title} …")

    def tick():
        while not stop.wait(SIGN_OF_LIFE):
            say(f"          … {time.monotonic() - started:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield lambda line: say(f"          {line}")
    finally:
        stop.set()
        ticker.join()


def table(rows, header):
    """Columns as wide as their widest cell; text to the left, the rest to the right."""
    cells = [list(map(str, row)) for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for number, row in enumerate(cells):
        line = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        say("  " + "  ".join(line))
        if number == 0:
            say("  " + "  ".join("-" * w for w in widths))


def complain(text):
    print(f"deploy/demo: {text}", file=sys.stderr, flush=True)
