#!/usr/bin/env python3
"""Puts what cpack made into a folder: deploy/packaging/finish.py CPACK_FOLDER OUT

The packages with debug information are packed again: cpack writes its own folder's name into them, and another suffix
than Debian's. Beside the packages: nightjar_VERSION.spdx.json (SPDX 2.3), which says what they are made of; MANIFEST, with the
checksum of each program in each package; and SHA256SUMS of all files.
"""
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

# Of these only headers are used, so no package depends on them. Boost's are those of the release (deploy/install-packages).
HEADERS = ("libboost1.81-dev", "libboost1.83-dev", "libcli11-dev", "nlohmann-json3-dev")
TOOLS = ("g++", "cmake", "binutils")


def output(*command):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def repack(ddeb, out):
    """The same package as Debian's tools make it, with checksums of its own paths."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "package"
        output("dpkg-deb", "-R", ddeb, root)
        control = root / "DEBIAN/control"
        control.write_text("".join(line for line in control.read_text().splitlines(True)
                                   if not line.startswith("Package-Type:")))
        name = ddeb.name.partition("_")[0]
        documents = root / "usr/share/doc"
        documents.mkdir(parents=True)
        (documents / name).symlink_to(name.removesuffix("-dbgsym"))
        sums = []
        for file in sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and "DEBIAN" not in path.parts):
            file.chmod(0o644)
            sums.append(f"{hashlib.md5(file.read_bytes()).hexdigest()}  {file.relative_to(root)}\n")
        (root / "DEBIAN/md5sums").write_text("".join(sums))
        # SOURCE_DATE_EPOCH bounds all times in it.
        output("dpkg-deb", "-Zxz", "--root-owner-group", "--build", root, out / ddeb.with_suffix(".deb").name)


# --- the programs in the packages ---

def manifest(debs):
    """One line for each program, as sha256sum writes it for packages that are unpacked into folders of their own names.
    `nightjar-relay verify-build` reads it (relay/operation/manifest.hpp)."""
    lines = []
    for deb in debs:
        packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar:
                if member.isfile() and member.name.startswith("./usr/bin/"):
                    path = f"{deb.stem}/{member.name[2:]}"
                    lines.append((path, hashlib.sha256(tar.extractfile(member).read()).hexdigest()))
    return "".join(f"{checksum}  {path}\n" for path, checksum in sorted(lines))


# --- what the packages are made of ---

def version_of(package):
    """The version of a package of this machine, or None: a dependency may name what is not installed here."""
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 and done.stdout else None


def identifier(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]", "-", name)


def entry(name, version, **more):
    return {"SPDXID": identifier(name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION", **more}


def debian(name):
    version = version_of(name)
    purl = f"pkg:deb/debian/{name}@{version}"
    return entry(name, version, supplier="Organization: Debian", externalRefs=[
        {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}])


def depends_of(deb):
    """The names in its Depends; of alternatives, the first."""
    said = output("dpkg-deb", "-f", deb, "Depends").strip()
    return [re.split(r"[ (|]", one.strip())[0] for one in said.split(",") if one.strip()]


def bill_of_materials(debs, version, created):
    packages, relations, others = [], [], {}
    ours = {output("dpkg-deb", "-f", deb, "Package").strip(): deb for deb in debs}

    def relate(one, kind, two):
        relations.append({"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": two})

    def other(name):
        if name not in others and version_of(name):
            others[name] = debian(name)
        return name in others

    for name, deb in sorted(ours.items()):
        packages.append(entry(name, version, packageFileName=deb.name, licenseDeclared="Apache-2.0",
                              licenseConcluded="Apache-2.0", supplier="Organization: Nightjar",
                              checksums=[{"algorithm": "SHA256", "checksumValue": digest(deb)}]))
        relate("SPDXRef-DOCUMENT", "DESCRIBES", identifier(name))
        for needed in depends_of(deb):
            if needed in ours or other(needed):
                relate(identifier(name), "DEPENDS_ON", identifier(needed))
        if name.endswith(("-dbgsym", "-tools")):
            continue
        for header in filter(other, HEADERS):
            relate(identifier(name), "STATIC_LINK", identifier(header))
        for tool in filter(other, TOOLS):
            relate(identifier(tool), "BUILD_TOOL_OF", identifier(name))
    content = hashlib.sha256("".join(digest(deb) for deb in sorted(debs)).encode()).hexdigest()
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"nightjar-{version}", "documentNamespace": f"https://nightjar.example/spdx/{version}/{content}",
            "creationInfo": {"created": created, "creators": ["Tool: deploy/package"]},
            "packages": packages + [others[name] for name in sorted(others)], "relationships": relations}


def main():
    made, out = Path(sys.argv[1]), Path(sys.argv[2])
    for deb in made.glob("*.deb"):
        (out / deb.name).write_bytes(deb.read_bytes())
    for ddeb in made.glob("*.ddeb"):
        repack(ddeb, out)
    debs = sorted(out.glob("*.deb"))
    version = output("dpkg-deb", "-f", debs[0], "Version").strip()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    (out / f"nightjar_{version}.spdx.json").write_text(
        json.dumps(bill_of_materials(debs, version, created), indent=1) + "\n")
    (out / "MANIFEST").write_text(manifest(debs))
    (out / "SHA256SUMS").write_text("".join(f"{digest(path)}  {path.name}\n" for path in sorted(out.iterdir())))


if __name__ == "__main__":
    main()
