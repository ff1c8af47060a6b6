"""faults 52: a kernel without Landlock, without seccomp, without both. The relay runs, says what is missing, and its status
and the doctor show it."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from offline import OK, READY_SECONDS_MAX, RELAY, OfflineNetwork, own_mounts  # noqa: E402
from refusals import NO_LANDLOCK, NO_SECCOMP, refusing  # noqa: E402
from schemas import fitting  # noqa: E402

# The call that is refused, the log's word for what is missing, and what status calls it.
MISSING = ((NO_LANDLOCK, "no Landlock", "files"), (NO_SECCOMP, "no seccomp", "system_calls"))



def lines_of(status):
    return status.read_text(encoding="ascii").splitlines()


def filters_of(lines):
    return int(next(line for line in lines if line.startswith("Seccomp_filters:")).split()[1])


class OldKernel(OfflineNetwork):
    def setUp(self):
        super().setUp()
        self.sign()

    def start_on(self, *rules):
        """A relay that runs, and what it said."""
        relay = subprocess.Popen([RELAY, "run", "--config", self.config], stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=refusing(*rules))
        self.running.append(relay)
        return relay, self.until_said(relay, "ready", READY_SECONDS_MAX)

    def told(self, verb, *more):
        done = subprocess.run([RELAY, verb, "--config", self.config, *more], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, OK, done.stderr)
        return done.stdout

    def threads(self, relay):
        for thread in Path(f"/proc/{relay.pid}/task").iterdir():
            yield lines_of(thread / "status")

    def test_what_is_missing_is_said_and_shown(self):
        own = filters_of(lines_of(Path("/proc/self/status")))   # a container has some
        for absent in ((), MISSING[:1], MISSING[1:], MISSING):
            with self.subTest(absent=[word for _, word, _ in absent]):
                relay, said = self.start_on(*(rule for rule, _, _ in absent))
                status = fitting("status", self.told("status", "--json"))
                people = self.told("status")
                for one in MISSING:
                    _, word, name = one
                    self.assertEqual(said.count(word), 1 if one in absent else 0, said)
                    self.assertIs(status["sandbox"][name], one not in absent)
                    self.assertEqual(f"{name.replace('_', ' ')} are not confined" in people, one in absent, people)
                self.assertEqual(status["state"], "active")
                # The other one is in force, and so is what needs no kernel's help. This test's own filter counts as one.
                for lines in self.threads(relay):
                    self.assertIn("NoNewPrivs:\t1", lines)
                    self.assertEqual(filters_of(lines), own + 1 + (MISSING[1] not in absent))
                self.stop(relay)

    def test_the_doctor_names_it(self):
        def kernel(before=(), **options):
            done = subprocess.run([*before, RELAY, "doctor", "--json", "--config", self.config], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=30, **options)
            answer = fitting("doctor", done.stdout)
            return next(finding for finding in answer["findings"] if finding["name"] == "kernel")
        self.assertEqual(kernel()["health"], "ok")
        found = kernel(preexec_fn=refusing(NO_LANDLOCK))
        self.assertEqual(found["health"], "warn")
        self.assertIn("lacks Landlock,", found["seen"])
        hidden = own_mounts("mount --bind /dev/null /proc/sys/kernel/seccomp/actions_avail")
        found = kernel(before=hidden, preexec_fn=refusing(NO_LANDLOCK))
        self.assertIn("lacks Landlock and seccomp,", found["seen"])


if __name__ == "__main__":
    unittest.main(verbosity=0)
