"""The packet library for other programs (docs/library.md): installed and used by programs in C11, and as a wheel
in Python, through which all check vectors run. Nothing is downloaded."""
import array
import copy
import importlib
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("NIGHTJAR_BUILD", ROOT / "build/test"))
VECTORS = Path(os.environ.get("NIGHTJAR_VECTORS", ROOT / "tests/vectors"))
HEADER = ROOT / "sphinx/library/nightjar_packet.h"


def example(language, marker):
    """The document's block in this language that begins with this line."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/library.md").read_text(encoding="utf-8"), re.S)
    found = [block for block in blocks if block.startswith(f"{marker} docs/library.md: tests/system/library_test.py")]
    assert len(found) == 1, language
    return found[0]


def must(*command, **options):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}"
    return done.stdout


def cases(file, own=None, kind="cases"):
    """The cases of a file of vectors, and those of this tree's own list."""
    found = json.loads((VECTORS / file).read_text())[kind]
    if own:
        found = found + json.loads((ROOT / "tests/vectors/nightjar.json").read_text())[own]
    assert found
    return found


class InC(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.prefix, cls.folder = Path(scratch.name) / "prefix", Path(scratch.name)
        must("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "library")

    def run_program(self, source):
        paths = {**os.environ, "PKG_CONFIG_PATH": str(self.prefix / "lib/pkgconfig")}
        flags = must("pkg-config", "--cflags", "--libs", "nightjar-packet", env=paths).split()
        program = self.folder / source.stem
        must("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", source, "-o", program, *flags, "-pthread")
        return must(program, env={**os.environ, "LD_LIBRARY_PATH": str(self.prefix / "lib")})

    def test_the_documents_example_works(self):
        source = self.folder / "example.c"
        source.write_text(example("c", r"/*"))
        self.assertEqual(self.run_program(source),
                         "hop 1: on to 2 after 50 ms\nhop 2: on to 3 after 50 ms\nhop 3: hello\n")

    def test_threads_share_what_they_may(self):
        self.assertEqual(self.run_program(ROOT / "tests/support/library_user/threads.c"), "80 of 80 rounds\n")

    def test_only_the_functions_of_the_header_are_exported(self):
        declared = set(re.findall(r"\b(nightjar_\w+)\(", HEADER.read_text()))
        listed = must("nm", "--dynamic", "--defined-only", "--format=posix", self.prefix / "lib/libnightjar-packet.so")
        self.assertEqual({line.split()[0].partition("@")[0] for line in listed.splitlines()}, declared)

    def test_it_is_installed_alone(self):
        installed = {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if not path.is_dir()}
        version = next(name for name in installed if re.fullmatch(r"lib/libnightjar-packet\.so\.0\.\d+\.\d+\.\d+", name))
        self.assertEqual(installed, {"include/nightjar_packet.h", "lib/libnightjar-packet.so", version,
                                     "lib/libnightjar-packet.so.0", "lib/pkgconfig/nightjar-packet.pc"})


class InPython(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        folder = Path(scratch.name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
        # A copy, for setuptools writes into the folder that it packs.
        shutil.copytree(BUILD / "sphinx/library/python", folder / "python")
        must(*pip, "wheel", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, folder / "python")
        [cls.wheel] = folder.glob("*.whl")
        cls.site = folder / "site"
        must(*pip, "install", "--no-index", "--no-deps", "--target", cls.site, cls.wheel)
        sys.path.insert(0, str(cls.site))
        cls.addClassCleanup(sys.path.remove, str(cls.site))
        cls.nightjar = importlib.import_module("nightjar_packet")
        assert Path(cls.nightjar.__file__).is_relative_to(cls.site)

    def outcome(self, function, *arguments, **named):
        """("ok", what it returns), or (the error's name, None)."""
        try:
            return "ok", function(*arguments, **named)
        except self.nightjar.PacketError as error:
            return error.name, None

    def inputs(self, vector):
        """Route, destination, identifier and randomness of a case."""
        drawn = self.nightjar.Randomness(bytes.fromhex(vector["initial_secret"]),
                                         bytes.fromhex(vector.get("final_padding", "")).ljust(248, b"\0"))
        hops = [self.nightjar.Hop(bytes.fromhex(node["address"]), bytes.fromhex(node["public"]), delay)
                for node, delay in zip(vector["nodes"], vector["delays_ns"])]
        return hops, bytes.fromhex(vector["destination"]), bytes.fromhex(vector["identifier"]), drawn

    def walk(self, vector, packet):
        """What each node read, and the outcome of the last one."""
        read = []
        for node in vector["nodes"]:
            key = self.nightjar.Key(bytes.fromhex(node["secret"]))
            word, opened = self.outcome(self.nightjar.unwrap, key, packet, packet_size=348 + vector["payload_size"])
            if opened is None:
                return read, word
            read.append(opened)
            if isinstance(opened, self.nightjar.Final):
                return read, "final"
            packet = opened.packet
        return read, "still on its way"

    def check_steps(self, vector, packet):
        """Compares what each node reads with the case's steps, and returns the last payload."""
        read, word = self.walk(vector, packet)
        self.assertEqual((word, len(read)), ("final", len(vector["steps"])))
        for step, opened in zip(vector["steps"], read):
            self.assertEqual(opened.replay_tag.hex(), step["replay_tag"])
            if step["flag"] == 1:
                self.assertEqual((opened.next.hex(), opened.delay_ns, opened.packet.hex()),
                                 (step["next_address"], step["delay_ns"], step["next_packet"]))
            else:
                self.assertEqual((opened.destination.hex(), opened.identifier.hex(), opened.payload.hex()),
                                 (step["destination"], step["identifier"], step["payload"]))
        return read[-1].payload

    def test_the_documents_example_works(self):
        output = must(sys.executable, "-c", example("python", "#"), env={**os.environ, "PYTHONPATH": str(self.site)})
        hops = "hop 1: on after 50 ms\nhop 2: on after 50 ms\n"
        self.assertEqual(output, f"{hops}message: hello\n{hops}reply: hello yourself\n"
                                 "a SURB is used once: surb_spent\n")

    def test_the_wheel_is_for_this_platform_and_any_python(self):
        self.assertRegex(self.wheel.name, r"^nightjar_packet-\d+\.\d+\.\d+-py3-none-linux_\w+\.whl$")

    def test_its_sizes_are_those_of_the_header(self):
        defined = dict(re.findall(r"^#define NIGHTJAR_(\w+) (\d+)", HEADER.read_text(), re.M))
        library = importlib.import_module("nightjar_packet._library")
        self.assertIn("PAYLOAD_SIZE_MAX", defined)
        self.assertEqual({name: getattr(library, name, None) for name in defined},
                         {name: int(value) for name, value in defined.items()})
        shown = {name for name in defined if name in dir(self.nightjar)} | {"build_many", "unwrap_many"}
        self.assertLessEqual(shown, set(self.nightjar.__all__))

    def test_forward_vectors(self):
        for vector in cases("forward.json", "forward"):
            with self.subTest(vector["name"]):
                hops, destination, identifier, drawn = self.inputs(vector)
                packet = self.nightjar.build(hops, destination, identifier, bytes.fromhex(vector["message"]),
                                             payload_size=vector["payload_size"], version=vector["version"],
                                             randomness=drawn)
                self.assertEqual(packet.hex(), vector["packet"])
                payload = self.check_steps(vector, packet)
                self.assertEqual(self.nightjar.read_message(payload).hex(), vector["message"])

    def test_surb_vectors(self):
        for vector in cases("surb.json", "surb"):
            with self.subTest(vector["name"]):
                payload = self.check_steps(vector, bytes.fromhex(vector["packet"]))
                if vector["version"] != 260:
                    # The replier would have every hop's seed: such a SURB is not taken, its reply is relayed.
                    self.assertEqual(self.outcome(self.nightjar.HeldSurb, bytes.fromhex(vector["surb"]))[0],
                                     "bad_length")
                    self.assertEqual(self.nightjar.read_message(payload).hex(), vector["message"])
                    continue
                hops, destination, identifier, drawn = self.inputs(vector)
                surb, recovery = self.nightjar.make_surb(hops, destination, identifier, randomness=drawn)
                self.assertEqual((surb.hex(), recovery.save().hex()), (vector["surb"], vector["recovery"]))
                held = self.nightjar.HeldSurb(surb)
                first_hop, packet = held.use(bytes.fromhex(vector["message"]), payload_size=vector["payload_size"])
                self.assertEqual((first_hop.hex(), packet.hex()), (vector["first_hop"], vector["packet"]))
                for kept in (recovery, self.nightjar.Recovery(recovery.save())):
                    self.assertEqual(kept.read(payload).hex(), vector["message"])

    def check_word(self, vector, word):
        self.assertIn(word, [vector["expect"], vector.get("or", vector["expect"])])

    def test_malformed_packets(self):
        for vector in cases("malformed.json", kind="packets"):
            with self.subTest(vector["name"]):
                read, word = self.walk(vector, bytes.fromhex(vector["packet"]))
                message = None
                if word == "final":
                    word, message = self.outcome(self.nightjar.read_message, read.pop().payload)
                self.check_word(vector, word)
                if vector["expect"] != "ok":
                    self.assertEqual(len(read), vector["hop"])
                elif word == "ok":
                    self.assertEqual(message.hex(), vector["message"])

    def test_many_at_once_are_as_one_by_one(self):
        """Packets of all vectors, with the key of their first node."""
        n, pairs = self.nightjar, []
        for vector in cases("malformed.json", kind="packets") + cases("forward.json", "forward"):
            pairs.append((n.Key(bytes.fromhex(vector["nodes"][0]["secret"])), bytes.fromhex(vector["packet"])))
        words = set()
        for size in sorted({len(packet) for _, packet in pairs}):     # packets of all other sizes are refused
            for outcome, pair in zip(n.unwrap_many(pairs, packet_size=size), pairs):
                word, opened = self.outcome(n.unwrap, *pair, packet_size=size)
                words.add(word)
                self.assertEqual(outcome.name if isinstance(outcome, n.PacketError) else outcome, opened or word)
        self.assertLess({"ok", "bad_length", "mac_mismatch"}, words)
        self.assertEqual(n.unwrap_many([]), [])

    def test_many_built_at_once_are_those_of_the_vectors(self):
        """Those that cannot be built are among them, each with its error."""
        n, alike = self.nightjar, {}
        for vector in cases("forward.json", "forward"):
            alike.setdefault((vector["payload_size"], vector["version"]), []).append(vector)
        for (size, version), vectors in alike.items():
            inputs = [self.inputs(vector) for vector in vectors]
            hop = inputs[0][0][0]
            parcels = [(*each[:3], bytes.fromhex(vector["message"])) for each, vector in zip(inputs, vectors)]
            parcels += [([], bytes(32), bytes(16), b""), ([hop], bytes(32), bytes(16), bytes(size))]
            built = n.build_many(parcels, payload_size=size, version=version,
                                 randomness=[each[3] for each in inputs] + [None, None])
            self.assertEqual([packet.hex() for packet in built[:-2]], [vector["packet"] for vector in vectors])
            self.assertEqual([error.name for error in built[-2:]], ["bad_route", "bad_length"])
        parcel = ([hop], bytes(32), bytes(16), b"")
        self.assertEqual(n.build_many([]), [])
        for size in (-1, 0, n.PAYLOAD_SIZE_MAX + 1, 1 << 64):
            self.assertEqual([error.name for error in n.build_many([parcel] * 2, payload_size=size)], ["bad_length"] * 2)
        for wrong in (lambda: n.build_many([parcel], version=-1), lambda: n.build_many([parcel], randomness=[]),
                      lambda: n.build_many([(*parcel[:1], bytes(31), *parcel[2:])])):
            self.assertRaises(ValueError, wrong)

    def test_what_many_at_once_cost(self):
        """Prints it: no limit of time would hold on every machine."""
        n, key, count = self.nightjar, self.nightjar.Key(), 256
        route = [n.Hop(bytes(32), key.public)] * 3
        pairs = [(key, n.build(route, bytes(32), bytes(16), b"")) for _ in range(count)]
        begun = time.process_time()
        single = [n.unwrap(*pair) for pair in pairs]
        between = time.process_time()
        many = [opened for at in range(0, count, 8) for opened in n.unwrap_many(pairs[at:at + 8])]
        print(f"measured: unwrap {(between - begun) / count * 1e6:.0f} us a packet one by one, "
              f"{(time.process_time() - between) / count * 1e6:.0f} us eight at once")
        self.assertEqual(many, single)
        route = [n.Hop(bytes(32), n.Key().public) for _ in range(5)]
        parcels = [(route, bytes(32), bytes(16), b"")] * count
        n.build(*parcels[0])    # makes the tables of the keys
        begun = time.process_time()
        single = [n.build(*parcel) for parcel in parcels]
        between = time.process_time()
        many = [packet for at in range(0, count, 8) for packet in n.build_many(parcels[at:at + 8])]
        print(f"measured: build {(between - begun) / count * 1e6:.0f} us a packet one by one, "
              f"{(time.process_time() - between) / count * 1e6:.0f} us eight at once")
        self.assertEqual([len(packet) for packet in many], [len(packet) for packet in single])

    def test_malformed_surbs(self):
        for vector in cases("malformed.json", kind="surbs"):
            with self.subTest(vector["name"]):
                word, held = self.outcome(self.nightjar.HeldSurb, bytes.fromhex(vector["surb"]))
                if held is not None:
                    word, _ = self.outcome(held.use, bytes.fromhex(vector["message"]),
                                           payload_size=vector["payload_size"])
                self.check_word(vector, word)

    def test_malformed_replies(self):
        for vector in cases("malformed.json", kind="replies"):
            with self.subTest(vector["name"]):
                recovery = self.nightjar.Recovery(bytes.fromhex(vector["recovery"]))
                word, message = self.outcome(recovery.read, bytes.fromhex(vector["payload"]))
                self.check_word(vector, word)
                self.assertEqual(message.hex() if message is not None else None, vector.get("message")
                                 if word == "ok" else None)

    def test_malformed_builds(self):
        for vector in cases("malformed.json", kind="builds"):
            with self.subTest(vector["name"]):
                if len(vector["nodes"]) != len(vector["delays_ns"]):
                    self.assertEqual(vector["expect"], "bad_route")     # a Hop cannot be without its delay
                    continue
                hops, destination, identifier, drawn = self.inputs(vector)
                if vector["kind"] == "surb":
                    word, _ = self.outcome(self.nightjar.make_surb, hops, destination, identifier, randomness=drawn)
                else:
                    word, _ = self.outcome(self.nightjar.build, hops, destination, identifier,
                                           bytes.fromhex(vector["message"]), payload_size=vector["payload_size"],
                                           version=vector["version"], randomness=drawn)
                self.check_word(vector, word)

    def test_wide_items_are_taken_by_their_bytes(self):
        """Whose number is not len()."""
        n, wide, key = self.nightjar, array.array("I", [1, 2, 3]), self.nightjar.Key()
        hops = [n.Hop(bytes(32), key.public)]
        for packet in (n.build(hops, bytes(32), bytes(16), wide), *n.build_many([(hops, bytes(32), bytes(16), wide)])):
            self.assertEqual(n.read_message(n.unwrap(key, packet).payload), wide.tobytes())
        surb, recovery = n.make_surb(hops, bytes(32), b"i" * 16)
        _, reply = n.HeldSurb(array.array("I", surb)).use(wide)
        self.assertEqual(recovery.read(array.array("B", n.unwrap(key, reply).payload)), wide.tobytes())

    def test_mistakes_of_the_caller_are_errors_of_python(self):
        n = self.nightjar
        key, hop = n.Key(), n.Hop(bytes(32), n.Key().public)
        surb, recovery = n.make_surb([hop], bytes(32), b"i" * 16)
        for wrong in (lambda: n.Key(bytes(31)), lambda: n.build([hop], bytes(31), bytes(16), b""),
                      lambda: n.build([hop], bytes(32), bytes(17), b""),
                      lambda: n.build([n.Hop(bytes(33), hop.key)], bytes(32), bytes(16), b""),
                      lambda: n.build([n.Hop(bytes(32), bytes(31))], bytes(32), bytes(16), b""),
                      lambda: n.build([n.Hop(bytes(32), hop.key, -1)], bytes(32), bytes(16), b""),
                      lambda: n.build([n.Hop(bytes(32), hop.key, 1 << 64)], bytes(32), bytes(16), b""),
                      lambda: n.build([hop], bytes(32), bytes(16), b"", version=65536),
                      lambda: n.build([hop], bytes(32), bytes(16), b"", randomness=n.Randomness(bytes(31)))):
            self.assertRaises(ValueError, wrong)
        for word, wrong in (("bad_length", lambda: n.unwrap(key, b"")), ("bad_length", lambda: n.read_message(b"")),
                            ("bad_length", lambda: n.HeldSurb(b"")), ("bad_length", lambda: n.Recovery(b"")),
                            ("bad_length", lambda: recovery.read(b"")),
                            ("bad_route", lambda: n.build([], bytes(32), bytes(16), b"")),
                            ("bad_route", lambda: n.build([hop] * 6, bytes(32), bytes(16), b"")),
                            ("bad_length", lambda: n.build([hop], bytes(32), bytes(16), b"", payload_size=-1)),
                            ("bad_length", lambda: n.HeldSurb(surb).use(bytes(100), payload_size=100))):
            self.assertEqual(self.outcome(wrong)[0], word)
        for number in (lambda: n.Key(32), lambda: n.build([hop], bytes(32), bytes(16), 5),
                       lambda: n.build_many([([hop], bytes(32), bytes(16), 5)]), lambda: n.read_message(40),
                       lambda: n.build([hop], 32, bytes(16), b""), lambda: n.HeldSurb(surb).use(5),
                       lambda: n.unwrap(key, n.PACKET_SIZE), lambda: recovery.read(40), lambda: n.HeldSurb(n.SURB_SIZE)):
            self.assertRaises(TypeError, number)    # else as many zeros
        for handle in (key, recovery, n.HeldSurb(surb)):
            for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
                self.assertRaises(TypeError, attempt, handle)


if __name__ == "__main__":
    unittest.main()
