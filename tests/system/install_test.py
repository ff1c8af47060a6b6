"""Installs the packet library alone, then finds, links and runs it from a separate CMake project."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("NIGHTJAR_BUILD", ROOT / "build/test"))


def run(*command):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, done.stdout


class Install(unittest.TestCase):
    def must(self, *command):
        code, output = run(*command)
        self.assertEqual(code, 0, output)
        return output

    def test_1_a_consumer_of_the_installed_package(self):
        with tempfile.TemporaryDirectory() as scratch:
            prefix, build = Path(scratch) / "prefix", Path(scratch) / "build"
            self.must("cmake", "--install", BUILD, "--prefix", prefix, "--component", "packet")
            headers = sorted(path.name for path in prefix.rglob("*.hpp"))
            self.assertIn("packet.hpp", headers)
            self.assertNotIn("x25519_ladder.hpp", headers, "a kernel's own file is installed")
            self.must("cmake", "-S", ROOT / "tests/support/consumer", "-B", build, "-G", "Ninja",
                      f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
            self.must("cmake", "--build", build)
            self.assertIn("bytes there and back", self.must(build / "consumer"))
            # No installed file may refer to the build folder.
            for path in prefix.rglob("*.cmake"):
                self.assertNotIn(str(ROOT), path.read_text(), path)

    def test_2_it_is_configured_without_what_the_rest_needs(self):
        absent = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{name}=ON" for name in ("Boost", "yaml-cpp", "prometheus-cpp")]
        with tempfile.TemporaryDirectory() as scratch:
            self.must("cmake", "-S", ROOT, "-B", scratch, "-G", "Ninja", "-DNIGHTJAR_PACKET_ONLY=ON", *absent)
            code, targets = run("cmake", "--build", scratch, "--target", "help")
            self.assertEqual(code, 0, targets)
            self.assertIn("nightjar_packet", targets)
            self.assertNotIn("nightjar_node", targets)


if __name__ == "__main__":
    unittest.main()
