#!/usr/bin/env python3
"""Makes the systemd units of deploy/systemd: deploy/packaging/units.py OUT

Each NAME.service.in takes hardening.conf where it says @HARDENING@. That of the relay also becomes the template
nightjar-relay@.service, for several relays on one machine.
"""
import sys
from pathlib import Path

SYSTEMD = Path(__file__).resolve().parent.parent / "systemd"
TEMPLATES = ("nightjar-relay",)


def units():
    """Names and texts."""
    hardening = (SYSTEMD / "hardening.conf").read_text()
    made = {path.name: path.read_text() for path in SYSTEMD.glob("*.socket")}
    for path in SYSTEMD.glob("*.service.in"):
        name = path.name.removesuffix(".service.in")
        text = path.read_text().replace("@HARDENING@\n", hardening)
        made[f"{name}.service"] = text.replace("@INSTANCE@", "").replace("@OF_INSTANCE@", "")
        if name in TEMPLATES:
            made[f"{name}@.service"] = text.replace("@INSTANCE@", "-%i").replace("@OF_INSTANCE@", " %i")
    return made


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(units().items()):
        (out / name).write_text(text)


if __name__ == "__main__":
    main()
