#!/usr/bin/env python3
"""Makes a program's manual page and completions for bash, zsh and fish from the table behind its --help.

    deploy/packaging/commands.py PROGRAM OUT VERSION

writes OUT/NAME.SECTION, OUT/NAME.bash, OUT/_NAME and OUT/NAME.fish. PROGRAM is a program of ours, or the folder of a Python
package that has a --command-table too.

What --help does not say (files, exit codes) stands in deploy/packaging/pages/NAME.SECTION. The table itself:
sphinx/node/process/command_line.hpp.
"""
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PAGES = Path(__file__).resolve().parent / "pages"
# Options whose value is a file or a folder.
FILES, FOLDERS = ("--config", "--network", "--document", "--description"), ("--dir", "--out", "--runtime-dir")


@dataclass
class Option:
    names: list     # ["-h", "--help"], or one name without a dash for an argument
    value: str      # "TEXT:{mix,gateway} REQUIRED"; "" for a flag
    text: str

    @property
    def takes_value(self):
        return bool(re.match(r"[A-Z]", self.value)) and not self.value.startswith("REQUIRED")

    @property
    def choices(self):
        found = re.search(r"\{([^}]*)\}", self.value)
        return found[1].split(",") if found else []

    @property
    def kind(self):
        if self.names[-1] in FILES:
            return "file"
        return "folder" if self.names[-1] in FOLDERS else ""


@dataclass
class Command:
    name: str
    text: str
    options: list = field(default_factory=list)
    arguments: list = field(default_factory=list)


def table(program):
    """The commands of a program; the first one, without a name, is the program itself."""
    program = Path(program)
    words = [sys.executable, "-m", program.name] if program.is_dir() else [program]
    said = subprocess.run([*words, "--command-table"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(program.parent), "PYTHONDONTWRITEBYTECODE": "1"}).stdout
    commands = []
    for line in said.splitlines():
        kind, names, *rest = line.split("\t")
        if kind == "command":
            commands.append(Command(names, rest[0]))
        elif kind == "option":
            commands[-1].options.append(Option(names.split(","), *rest))
        else:
            commands[-1].arguments.append(Option([names], *rest))
    return commands


# --- the manual page ---

def roff(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")


def roff_option(option):
    names = ", ".join(f"\\fB{roff(name)}\\fR" for name in option.names)
    value = f" \\fI{roff(option.value)}\\fR" if option.value else ""
    return [".TP", names + value, roff(option.text) or "\\&"]


def manual(name, section, version, commands):
    program = commands[0]
    title = program.text.rstrip(".")
    lines = [f'.TH {roff(name.upper())} {section} "" "nightjar {version}" "Nightjar"',
             ".SH NAME", f"{roff(name)} \\- {roff(title[0].lower() + title[1:])}", ".SH SYNOPSIS"]
    for command in commands[1:]:
        arguments = "".join(f" \\fI{roff(one.names[0])}\\fR" for one in command.arguments)
        lines += [f".B {roff(name)} {roff(command.name)}", f"[\\fIoptions\\fR]{arguments}", ".br"]
    if len(commands) == 1:
        lines += [f".B {roff(name)}", "[\\fIoptions\\fR]", ".br"]
    lines.pop()
    lines += [".SH OPTIONS", *(line for option in program.options for line in roff_option(option))]
    if len(commands) > 1:
        lines.append(".SH COMMANDS")
    for command in commands[1:]:
        lines += [f".SS {roff(command.name)}", roff(command.text) + "."]
        for option in command.arguments + command.options:
            lines += roff_option(option)
    return "\n".join(lines) + "\n" + (PAGES / f"{name}.{section}").read_text()


# --- completions ---

def bash(name, commands):
    function = "_" + name.replace("-", "_")
    cases = []
    for command in commands:
        words = " ".join(one for option in command.options for one in option.names)
        if not command.name:
            words += " " + " ".join(one.name for one in commands[1:])
        case = command.name or ("''" if len(commands) > 1 else "*")
        cases.append(f"        {case}) words='{words}' ;;")
    values = {}
    for command in commands:
        for option in command.options:
            if not option.takes_value:
                continue
            action = {"file": "compgen -f", "folder": "compgen -d"}.get(option.kind, ":")
            if option.choices:
                action = f"compgen -W '{' '.join(option.choices)}'"
            values[option.names[-1]] = action
    rows = [f"        {option}) mapfile -t COMPREPLY < <({action} -- \"$current\"); return ;;" if action != ":" else
            f"        {option}) return ;;" for option, action in sorted(values.items())]
    return "\n".join([
        f"# bash completion for {name}: made from its --help", f"{function}() {{",
        "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' word",
        "    COMPREPLY=()", '    case "$before" in', *rows, "    esac",
        "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do",
        '        case "$word" in -*) ;; *) command=$word; break ;; esac', "    done",
        '    case "$command" in', *cases, "    esac",
        '    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")', "}",
        f"complete -o filenames -F {function} {name}", ""])


def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh_option(option):
    value = ""
    if option.takes_value:
        action = f"({' '.join(option.choices)})" if option.choices else \
            {"file": "_files", "folder": "_files -/"}.get(option.kind, "")
        value = f":{zsh_text(option.value.split()[0].split(':')[0].lower())}:{action}"
    return [f"'*{one}[{zsh_text(option.text)}]{value}'" for one in option.names]


def zsh(name, commands):
    if len(commands) == 1:
        options = [text for option in commands[0].options for text in zsh_option(option)]
        return "\n".join([f"#compdef {name}", f"# zsh completion for {name}: made from its --help",
                          "_arguments " + " \\\n    ".join(options), ""])
    lines = [f"#compdef {name}", f"# zsh completion for {name}: made from its --help", "local -a commands", "commands=("]
    lines += [f"    '{zsh_text(one.name)}:{zsh_text(one.text)}'" for one in commands[1:]]
    lines += [")", "if (( CURRENT == 2 )); then", "    _describe command commands",
              "    _arguments " + " ".join(text for option in commands[0].options for text in zsh_option(option)),
              "    return", "fi", "case $words[2] in"]
    for command in commands[1:]:
        rows = [text for option in command.options for text in zsh_option(option)] + \
            [f"':{one.names[0]}:{'_files -/' if one.names[0] == 'OUT' else ''}'" for one in command.arguments]
        lines += [f"    {command.name})", "        shift words; (( CURRENT-- ))",
                  "        _arguments " + " \\\n            ".join(rows), "        ;;"]
    return "\n".join([*lines, "esac", ""])


def fish_text(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


def fish(name, commands):
    lines = [f"# fish completion for {name}: made from its --help", f"complete -c {name} -f"]
    for command in commands[1:]:
        lines.append(f"complete -c {name} -n __fish_use_subcommand -a {command.name} -d '{fish_text(command.text)}'")
    for command in commands:
        when = f"'__fish_seen_subcommand_from {command.name}'" if command.name else "__fish_use_subcommand"
        for option in command.options:
            names = " ".join(f"-l {one[2:]}" if one.startswith("--") else f"-s {one[1:]}" for one in option.names)
            value = ""
            if option.takes_value:
                value = f" -x -a '{' '.join(option.choices)}'" if option.choices else \
                    {"file": " -r -F", "folder": " -x -a '(__fish_complete_directories)'"}.get(option.kind, " -x")
            lines.append(f"complete -c {name} -n {when} {names}{value} -d '{fish_text(option.text)}'")
    return "\n".join([*lines, ""])


def pages_of(program, version):
    """Every file for a program, by name."""
    name = Path(program).name.replace("_", "-")
    section = next(PAGES.glob(f"{name}.[18]")).suffix[1:]
    commands = table(program)
    return {f"{name}.{section}": manual(name, section, version, commands), f"{name}.bash": bash(name, commands),
            f"_{name}": zsh(name, commands), f"{name}.fish": fish(name, commands)}


def main():
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages_of(sys.argv[1], sys.argv[3]).items():
        (out / name).write_text(text)


if __name__ == "__main__":
    main()
