"""What lies beside the packages: checksums of all, and a list (SPDX) that agrees with the packages themselves."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

PACKAGES = Path(os.environ["NIGHTJAR_PACKAGES"])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Materials(unittest.TestCase):
    def setUp(self):
        self.debs = sorted(PACKAGES.glob("*.deb"))
        self.list = json.loads(next(PACKAGES.glob("*.spdx.json")).read_text())
        self.entries = {entry["name"]: entry for entry in self.list["packages"]}

    def field(self, deb, name):
        return subprocess.run(["dpkg-deb", "-f", deb, name], capture_output=True, text=True, check=True).stdout.strip()

    def test_the_checksums_are_those_of_every_file(self):
        lines = dict(reversed(line.split("  ")) for line in (PACKAGES / "SHA256SUMS").read_text().splitlines())
        files = {path.name: digest(path) for path in PACKAGES.iterdir()
                 if path.name != "SHA256SUMS" and path.suffix != ".minisig"}
        self.assertEqual(lines, files)

    def test_the_manifest_has_every_program_as_it_is_packed(self):
        with tempfile.TemporaryDirectory() as folder:
            for deb in self.debs:
                subprocess.run(["dpkg-deb", "-x", deb, Path(folder) / deb.stem], check=True)
            shutil.copy(PACKAGES / "MANIFEST", folder)
            done = subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "MANIFEST"], cwd=folder)
            self.assertEqual(done.returncode, 0)
            programs = {str(path.relative_to(folder)) for path in Path(folder).glob("*/usr/bin/*")}
            listed = [line.split("  ")[1] for line in (PACKAGES / "MANIFEST").read_text().splitlines()]
        self.assertEqual(listed, sorted(programs))
        self.assertEqual({path.split("/")[-1] for path in listed},
                         {"nightjar", "nightjar-authority", "nightjar-demo", "nightjar-recorder", "nightjar-relay"})

    def test_what_is_packed(self):
        names = {self.field(deb, "Package") for deb in self.debs}
        programs = {"nightjar", "nightjar-authority", "nightjar-relay", "nightjar-tools"}
        self.assertEqual(names, programs | {f"{name}-dbgsym" for name in programs})

    def test_every_package_is_listed_with_its_checksum_and_license(self):
        for deb in self.debs:
            entry = self.entries[self.field(deb, "Package")]
            self.assertEqual(entry["checksums"][0]["checksumValue"], digest(deb))
            self.assertEqual(entry["versionInfo"], self.field(deb, "Version"))
            self.assertEqual(entry["licenseDeclared"], "Apache-2.0")

    def test_every_library_of_a_program_is_listed_with_its_version(self):
        """By the program itself: each library that it loads belongs to a package that the list says it depends on."""
        needs = {(one["spdxElementId"], one["relatedSpdxElement"]) for one in self.list["relationships"]
                 if one["relationshipType"] == "DEPENDS_ON"}
        for name in ("nightjar-relay", "nightjar-authority", "nightjar"):
            deb = next(PACKAGES.glob(f"{name}_*.deb"))
            for depended in re.findall(r"\blib[a-z0-9.+-]+", self.field(deb, "Depends")):
                self.assertIn((f"SPDXRef-{name}", f"SPDXRef-{re.sub(r'[^A-Za-z0-9.]', '-', depended)}"), needs)
                self.assertRegex(self.entries[depended]["versionInfo"], r"^\d")
            self.assertIn("libsodium23", self.field(deb, "Depends"))

    def test_the_list_is_whole(self):
        self.assertEqual((self.list["spdxVersion"], self.list["dataLicense"]), ("SPDX-2.3", "CC0-1.0"))
        ids = {"SPDXRef-DOCUMENT", *(entry["SPDXID"] for entry in self.list["packages"])}
        self.assertEqual(len(ids), len(self.list["packages"]) + 1)
        for relation in self.list["relationships"]:
            self.assertIn(relation["spdxElementId"], ids)
            self.assertIn(relation["relatedSpdxElement"], ids)

    def test_no_package_says_where_it_was_built(self):
        root = str(Path(__file__).resolve().parent.parent.parent).encode()
        for deb in self.debs:
            packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], capture_output=True, check=True).stdout
            control = subprocess.run(["dpkg-deb", "--ctrl-tarfile", deb], capture_output=True, check=True).stdout
            self.assertNotIn(root, packed + control, deb.name)


if __name__ == "__main__":
    unittest.main(verbosity=0)
