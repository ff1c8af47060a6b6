#!/usr/bin/env python3
"""Makes the systemd units of deploy/systemd: deploy/packaging/units.py OUT

Each NAME.service.in takes hardening.conf where it says @HARDENING@. The relay's units also become templates, such as
nightjar-relay@.service, for several relays on one machine.
"""
import sys
from pathlib import Path

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
TEMPLATES = ("nightjar-relay",)


def units():
    """Names and texts."""
    hardening = (SYSTEMD / "hardening.conf").read_text()
    made = {}
    for path in SYSTEMD.glob("*.in"):
        name, kind = path.name.removesuffix(".in").split(".")
        text = path.read_text().replace("@HARDENING@\n", hardening)
        made[f"{name}.{kind}"] = filled(text, "", "", "")
        if name in TEMPLATES:
            made[f"{name}@.{kind}"] = filled(text, "-%i", " %i", "@NAME")
    return made


def filled(text, part_of_a_path, part_of_a_title, part_of_a_unit):
    return text.replace("@INSTANCE@", part_of_a_path).replace("@OF_INSTANCE@", part_of_a_title) \
        .replace("@AT_INSTANCE@", part_of_a_unit)


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(units().items()):
        (out / name).write_text(text)


if __name__ == "__main__":
    main()
