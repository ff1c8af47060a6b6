"""Every option of every --help stands in the manual page and in each shell's completion, and the other way round.

    tests/packages/commands_test.py BUILD_FOLDER
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy/packaging"))
import commands  # noqa: E402

BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir() else ROOT / "build/test"
PROGRAMS = (BUILD / "relay/nightjar-relay", BUILD / "relay/authority/nightjar-authority", BUILD / "client/nightjar",
            ROOT / "deploy/nightjar_demo")
LONG = r"(?<![\w-])--[a-z][a-z-]*"


def output(*command):
    return subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "deploy"), "COLUMNS": "200"}).stdout


def of_help(program):
    """Command -> the long options that its --help shows; "" is the program itself."""
    words = [sys.executable, "-m", program.name] if program.is_dir() else [program]

    def options(*more):
        said = output(*words, *more, "--help")
        return set(re.findall(rf"^ +(?:-\w, ?)?({LONG})", said, re.MULTILINE)), said
    found, said = options()
    result = {"": found}
    for name in re.findall(r"^  ([a-z][a-z-]*) ", said.partition("Subcommands:")[2], re.MULTILINE):
        result[name] = options(name)[0]
    return result


def of_page(text):
    """The same as the manual page says it."""
    result, command = {"": set()}, ""
    for line in text.partition(".SH OPTIONS")[2].replace("\\-", "-").splitlines():
        if line.startswith(".SH ") and "COMMANDS" not in line:
            break
        if line.startswith(".SS "):
            command = line[4:]
            result[command] = set()
        elif line.startswith("\\fB"):
            result[command] |= set(re.findall(r"\\fB(--[a-z-]+)", line))
    return result


class Commands(unittest.TestCase):
    def setUp(self):
        self.files, self.help = {}, {}
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for program in PROGRAMS:
            own = program.name.replace("_", "-")
            self.help[own] = of_help(program)
            self.files[own] = commands.pages_of(program, "0")
            for name, text in self.files[own].items():
                (self.folder / name).write_text(text)

    def test_a_program_has_its_commands(self):
        """What follows compares these. If --help were read wrongly, nothing would be compared."""
        self.assertEqual(set(self.help["nightjar-relay"]) - {""} >= {"init", "check", "run", "status"}, True)
        self.assertIn("--exit-policy", self.help["nightjar-relay"]["init"])
        self.assertIn("--monitor", self.help["nightjar-demo"][""])
        self.assertGreater(sum(len(one) for program in self.help.values() for one in program.values()), 60)

    def test_the_manual_page_has_exactly_the_options_of_the_help(self):
        for name, files in self.files.items():
            page = next(text for file, text in files.items() if re.search(r"\.[18]$", file))
            self.assertEqual(of_page(page), self.help[name], name)

    def test_the_manual_page_is_well_formed(self):
        self.assertIsNotNone(shutil.which("man"), "man-db is not installed")
        for file in self.folder.glob("*.[18]"):
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(file)],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  env={"LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80", "PATH": "/usr/bin:/bin"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), file.name)

    def test_bash_offers_exactly_the_options_of_the_help(self):
        for name, of_command in self.help.items():
            for command, options in of_command.items():
                words = [name, *filter(None, [command]), "--"]
                self.assertEqual(set(self.complete(name, words)), options, words)

    def test_bash_offers_commands_and_values(self):
        self.assertEqual(self.complete("nightjar-relay", ["nightjar-relay", "sta"]), ["status"])
        self.assertEqual(self.complete("nightjar-relay", ["nightjar-relay", "init", "--role", "g"]), ["gateway"])
        (self.folder / "some.yaml").touch()
        self.assertEqual(self.complete("nightjar-relay", ["nightjar-relay", "run", "--config", "so"]), ["some.yaml"])

    def complete(self, name, words):
        """What bash offers for the last of these words."""
        script = f". ./{name}.bash\nCOMP_WORDS=({' '.join(words)})\nCOMP_CWORD={len(words) - 1}\n" \
            f"_{name.replace('-', '_')}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_zsh_and_fish_have_exactly_the_options_of_the_help(self):
        for name, of_command in self.help.items():
            zsh = self.files[name][f"_{name}"]
            fish = self.files[name][f"{name}.fish"]
            for command, options in of_command.items():
                block = re.search(rf"^    {command}\)\n(.*?)^        ;;", zsh, re.MULTILINE | re.DOTALL)[1] if command \
                    else zsh.partition("return")[0]
                self.assertEqual(set(re.findall(rf"\*({LONG})\[", block)), options, f"{name} {command}")
                when = f"'__fish_seen_subcommand_from {command}'" if command else "__fish_use_subcommand"
                lines = [line for line in fish.splitlines() if f"-n {when} " in line and " -a " not in line.partition(" -l ")[0]]
                self.assertEqual({f"--{one}" for line in lines for one in re.findall(r" -l ([a-z-]+)", line)}, options,
                                 f"{name} {command}")

    def test_the_shells_read_them(self):
        for shell, pattern in (("bash", "*.bash"), ("zsh", "_*"), ("fish", "*.fish")):
            self.assertIsNotNone(shutil.which(shell), f"{shell} is not installed")
            for file in self.folder.glob(pattern):
                done = subprocess.run([shell, "-n", str(file)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), file.name)


if __name__ == "__main__":
    unittest.main(verbosity=0)
