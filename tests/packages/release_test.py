"""What a release signs: checksums of the programs in its packages, which sha256sum, minisign and verify-build can check.

    tests/packages/release_test.py BUILD_FOLDER
The packages are small ones that this test makes; tests/packages/run looks at the real ones (materials_test.py).
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "deploy/packaging"))
import finish  # noqa: E402

BUILD = Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 and Path(sys.argv[1]).is_dir() else ROOT / "build/test"
RELAY = BUILD / "relay/nightjar-relay"


def call(*command, where=None):
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, cwd=where)
    return done.returncode, done.stdout


class Release(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.out = self.folder / "release"
        self.out.mkdir()
        self.pack("nightjar-relay", RELAY)
        self.pack("nightjar-tools", ROOT / "deploy/packaging/nightjar-demo")
        self.pack("nightjar", Path("/bin/true"))
        self.debs = sorted(self.out.glob("*.deb"))
        (self.out / "MANIFEST").write_text(finish.manifest(self.debs))
        (self.out / "SHA256SUMS").write_text("".join(f"{finish.digest(deb)}  {deb.name}\n" for deb in self.debs))
        (self.out / "nightjar_0.1.0.spdx.json").write_text("{}\n")

    def pack(self, name, program):
        root = self.folder / name
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/share/doc").mkdir(parents=True)
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 0.1.0\nArchitecture: all\nMaintainer: a <a@b.example>\n"
                                             "Description: a test\n")
        shutil.copy(program, root / "usr/bin" / program.name)
        (root / "usr/share/doc/no-program").write_text("a document\n")
        code, said = call("dpkg-deb", "-Znone", "--root-owner-group", "--build", root, self.out / f"{name}_0.1.0_all.deb")
        self.assertEqual(code, 0, said)

    def sign(self):
        """By a key without a password, made for this test. Returns the file of its public half."""
        key, public = self.folder / "key", self.folder / "key.pub"
        self.assertEqual(call("minisign", "-G", "-W", "-s", key, "-p", public)[0], 0)
        self.assertEqual(call(ROOT / "deploy/packaging/sign", key, self.out), (0, ""))
        return public

    def verify(self, public, file="MANIFEST"):
        return call("minisign", "-V", "-p", public, "-m", self.out / file)

    def test_a_stranger_checks_the_programs_with_sha256sum(self):
        for deb in self.debs:
            self.assertEqual(call("dpkg-deb", "-x", deb, self.out / deb.stem)[0], 0)
        code, said = call("sha256sum", "--strict", "-c", "MANIFEST", where=self.out)
        self.assertEqual((code, said), (0, "nightjar-relay_0.1.0_all/usr/bin/nightjar-relay: OK\n"
                                           "nightjar-tools_0.1.0_all/usr/bin/nightjar-demo: OK\n"
                                           "nightjar_0.1.0_all/usr/bin/true: OK\n"))

    def test_verify_build_finds_the_program_that_runs(self):
        code, said = call(RELAY, "verify-build", "--manifest", self.out / "MANIFEST")
        self.assertEqual(code, 0, said)
        self.assertIn("has it as nightjar-relay_0.1.0_all/usr/bin/nightjar-relay\n", said)
        self.assertIn(finish.digest(RELAY), said)
        text = (self.out / "MANIFEST").read_text()
        (self.out / "MANIFEST").write_text(text.replace(finish.digest(RELAY), "ab" * 32))
        code, said = call(RELAY, "verify-build", "--manifest", self.out / "MANIFEST")
        self.assertEqual(code, 1)
        self.assertIn("has no nightjar-relay with this hash", said)

    def test_a_program_that_cannot_read_itself_says_so(self):
        program = self.folder / "nightjar-relay-unreadable"
        shutil.copy(RELAY, program)
        program.chmod(0o111)
        self.folder.chmod(0o711)
        # Root may read anything.
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        code, said = call(*other, program, "verify-build")
        self.assertEqual(code, 5, said)
        self.assertIn("the program cannot read its own file", said)
        self.assertEqual(said.count("\n"), 1)

    def test_a_signature_is_of_one_file_of_one_version_and_a_changed_byte_ends_it(self):
        public = self.sign()
        for file in ("MANIFEST", "SHA256SUMS"):
            code, said = self.verify(public, file)
            self.assertEqual(code, 0, said)
            self.assertIn(f"Trusted comment: nightjar 0.1.0 {file}", said)
        path = self.out / "MANIFEST"
        good = path.read_bytes()
        for at in (0, len(good) // 2, len(good) - 1):
            path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            self.assertNotEqual(self.verify(public)[0], 0, f"byte {at}")
        path.write_bytes(good)
        self.assertEqual(self.verify(public)[0], 0)
        # The file of another version, with its signature: the comment is signed.
        signature = self.out / "MANIFEST.minisig"
        signature.write_text(signature.read_text().replace("nightjar 0.1.0", "nightjar 0.2.0"))
        self.assertNotEqual(self.verify(public)[0], 0)

    def test_the_same_release_and_key_give_the_same_signature(self):
        self.sign()
        first = {file: (self.out / file).read_bytes() for file in ("MANIFEST.minisig", "SHA256SUMS.minisig")}
        self.assertEqual(call(ROOT / "deploy/packaging/sign", self.folder / "key", self.out), (0, ""))
        self.assertEqual(first, {file: (self.out / file).read_bytes() for file in first})

    def test_another_key_signs_nothing_of_ours(self):
        self.sign()
        other = self.folder / "other.pub"
        self.assertEqual(call("minisign", "-G", "-W", "-s", self.folder / "other", "-p", other)[0], 0)
        self.assertNotEqual(self.verify(other)[0], 0)

    def test_deploy_package_refuses_a_key_that_is_not_there(self):
        code, said = call(ROOT / "deploy/package", "--sign", self.folder / "none", self.folder / "packages")
        self.assertEqual(code, 2, said)
        self.assertIn("no readable key", said)
        self.assertFalse((self.folder / "packages").exists())


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main(verbosity=0)
