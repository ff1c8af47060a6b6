"""What each suite of tests/run consists of. A new test program is added here, by its command."""
import os
import subprocess

import faults_table
from run import ROOT, Build, own_reason, suite
from subjects import Cases

PROGRAMS = ("nightjar-relay", "nightjar-authority", "nightjar")
FUZZ_SECONDS = os.environ.get("NIGHTJAR_FUZZ_SECONDS", "12")
CAPTURE_TEST = "capture_test.py"
LIVING_TEST = "authority_test.py"   # takes three epochs of a minute and some more
# Networks of real processes that take long, for what few changes touch. The suite `system` has the others.
# Programs of one list begin in its order, one after another on each core, so the longest come first.
FURTHER_TESTS = ("seizure_test.py", "life_test.py", "life_network_test.py", "http_connect_test.py",
                 "many_applications_test.py", "withheld_test.py", "mixing_laws_test.py", "suspend_test.py",
                 "listeners_test.py", "dns_test.py", "interface_test.py", "whole_machine_test.py", "profiles_test.py", "locked_secrets_test.py",
                 "helper_process_test.py")
LONGEST_OF_SYSTEM = ("wire_test.py", "transfer_test.py", "ping_test.py", "service_test.py")

# Real applications.
APPLICATION_TESTS = ("applications_shell_test.py", "applications_browser_test.py", "applications_python_test.py",
                     "applications_pages_test.py")
# In no suite: docs/testing.md has the commands.
BY_COMMAND = ("applications_telegram_test.py", "loops_network_test.py", "monitor_page_test.py", "network_page_test.py",
              "versions_test.py")
# Of the table of faults: documents, descriptors and authorities. `faults` runs their cases by name.
DOCUMENT_ROWS = range(36, 45)
DEBIAN_PYTHON = "/usr/bin/python3"      # of all tests that need Debian's libraries for Python


def fuzz_names():
    """The fuzz targets, by what they parse."""
    return sorted(path.stem.removesuffix("_fuzz") for path in (ROOT / "tests/fuzz").rglob("*_fuzz.cpp"))


@suite("unit", cases=Cases("test", ("tests/unit",)))
def unit():
    """the tree's rules, and every object without I/O"""
    yield "self-test of the tree's rules", [".ci/check_tree.py", "--self-test"], {}
    yield "the tree's rules", [".ci/check_tree.py"], {}
    yield "the layout of the C++ files", ["python3", "tests/unit/layout.py"], {}
    yield "the units of systemd", ["python3", "tests/packages/units_test.py"], {}
    yield "the documents of the packages", ["python3", "tests/packages/documents_test.py"], {}
    yield "the profiles of AppArmor", ["python3", "tests/packages/apparmor_test.py"], {}
    yield "the list of faults and their tests", ["python3", "tests/unit/faults_list.py"], {}
    yield "alerts and boards", [DEBIAN_PYTHON, "tests/unit/monitoring.py"], {}
    yield "names that Python programs take from each other", ["python3", "tests/unit/python_names.py"], {}
    yield "how tests are counted", ["python3", "tests/support/run_test.py"], {}
    yield "the verdict on a mutant", ["python3", "tests/unit/mutant_verdict_test.py"], {}
    build = Build.preset("test")
    yield [
        ("secrets under valgrind", ["python3", "tests/unit/secret_flow.py", build], {}),
        ("core_tests", [build / "tests/unit/core_tests"], {}),
        ("unit_tests", [build / "tests/unit/unit_tests"], {}),
        ("allocation_tests", [build / "tests/unit/allocation_tests"], {}),
        ("heap_tests", [build / "tests/unit/heap_tests"], {}),
        ("the kernels' bounds", ["python3", "tests/unit/x25519_bounds.py"], {}),
        ("the kernels' object files", ["python3", "tests/unit/kernel_objects.py", build], {}),
        ("manual pages and completions", ["python3", "tests/packages/commands_test.py", build], {}),
        ("a signed release", ["python3", "tests/packages/release_test.py", build], {}),
        ("the programs' hardening", ["python3", "tests/unit/hardening.py", build], {}),
        ("corpora that reach too little", ["python3", "tests/fuzz/depth_test.py", build], {}),
        *((f"corpus of {name}", [build / f"tests/fuzz/{name}_replay", f"tests/fuzz/corpus/{name}"], {})
          for name in fuzz_names())]


@suite("vectors", cases=Cases("test", ("tests/vectors",)))
def vectors():
    """the check vectors, from the folder in NIGHTJAR_VECTORS where that is set"""
    yield "vector_tests", [Build.preset("test") / "tests/vectors/vector_tests"], {}
    yield "our own vectors, made anew", ["tests/vectors/generate.py", "--check"], {}


@suite("interop", in_all_only=True)
def interop():
    """packets and SURBs both ways against the published Rust crate, under every kernel"""
    install = subprocess.run(["deploy/install-packages", "interop"], cwd=ROOT)
    if install.returncode != 0:
        raise RuntimeError("cargo cannot be installed, and interop needs it")
    build = Build.preset("test", "interop_tests")
    yield "interop_tests", [build / "tests/interop/interop_tests"], {}


@suite("simulation", cases=Cases("test", ("tests/simulation",)))
def simulation():
    """whole networks in one process and virtual time"""
    build = Build.preset("test") / "tests/simulation"
    yield [(name, [build / name], {})
           for name in ("client_simulation_tests", "simulation_tests", "authority_simulation_tests")]


@suite("system", cases=Cases("test", ("tests/system",)))
def system():
    """real sockets and processes on loopback, real curl"""
    build = Build.preset("test")
    # These programs wait for most of their time: system_tests needs three seconds of a processor in three minutes.
    yield [("system_tests", [build / "tests/system/system_tests"], {}), *python_tests(build, faults=False)]


@suite("capture", in_all_only=True)
def capture():
    """every link of a network as tshark sees it, where this user may capture on lo"""
    if subprocess.run(["deploy/install-packages", "capture"], cwd=ROOT).returncode != 0:
        raise RuntimeError("tshark cannot be installed, and capture needs it")
    yield CAPTURE_TEST, *python_test(CAPTURE_TEST, Build.preset("test")), own_reason


def living_tests(build):
    """Authorities that run as services: one with a network for three epochs, and four that agree: nine minutes."""
    return [named_test(LIVING_TEST, build), ("quorum_tests", [build / "tests/system/quorum_tests"], {})]


@suite("living", by_name_only=True)
def living():
    """authorities that run as services, for nine minutes; --all runs them in `further`"""
    yield from living_tests(Build.preset("test"))


@suite("further", in_all_only=True, builds=[("release", ())])
def further():
    """more networks of real processes, and those of `living` beside them: these wait for their epochs"""
    build = Build.preset("test")
    yield [*living_tests(build), *(named_test(name, build) for name in FURTHER_TESTS)]
    # g++ warns of other things where it optimises more, and where nothing is asserted.
    Build.preset("release")


@suite("apps", in_all_only=True)
def apps():
    """real applications through a network: curl, wget, git, ssh, rsync, apt, pip, Python's libraries, browsers"""
    if subprocess.run(["deploy/install-packages", "apps"], cwd=ROOT).returncode != 0:
        raise RuntimeError("the applications cannot be installed, and apps needs them")
    build = Build.preset("test")
    yield [named_test(name, build) for name in APPLICATION_TESTS]


@suite("faults")
def faults():
    """bad inputs and faults that a relay and a client survive, and what bad documents and authorities get"""
    build = Build.preset("test")
    page = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
    yield [*faults_table.commands(page, DOCUMENT_ROWS, build), *python_tests(build, faults=True)]


# One build for both: what is fuzzed runs under the same sanitizers.
FUZZ_BUILD = ("fuzz", ("fuzz_targets", *PROGRAMS))
SANITIZED_BUILD = ("fuzz", ("core_tests", "unit_tests", "vector_tests", "simulation_tests",
                            "authority_simulation_tests", "system_tests", "nightjar-recorder", "relay_bench"))
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1",
              "NIGHTJAR_SHORT": "1", "NIGHTJAR_LAW_HOURS": "0.2", "NIGHTJAR_AGREEMENT_SEEDS": "20", "NIGHTJAR_SIGNING_SEEDS": "1"}


@suite("fuzz", in_all_only=True, builds=[FUZZ_BUILD])
def fuzz():
    """each parser under libFuzzer: the stored corpus, then NIGHTJAR_FUZZ_SECONDS of new inputs"""
    # The programs as well: this is the build that shows that clang-16 takes the product without a warning.
    name, parts = FUZZ_BUILD
    build = Build.preset(name, *parts)
    targets = sorted((build / "tests/fuzz").glob("*_fuzz"))
    if {target.name for target in targets} != {f"{name}_fuzz" for name in fuzz_names()}:
        raise RuntimeError("tests/fuzz: a source without a target, or a target without a source")
    yield [(target.name, ["python3", "tests/support/fuzz_one.py", target, FUZZ_SECONDS], {}) for target in targets]


@suite("sanitizers", in_all_only=True, builds=[FUZZ_BUILD, SANITIZED_BUILD])
def sanitizers():
    """unit, vectors, simulation and system again, with AddressSanitizer and UBSan; `long` has the clients' simulation"""
    Build.preset(FUZZ_BUILD[0], *FUZZ_BUILD[1])
    build = Build.preset(SANITIZED_BUILD[0], *SANITIZED_BUILD[1])
    options = SANITIZERS
    yield [
        ("core_tests", [build / "tests/unit/core_tests"], options,
         "two cases search this process's memory, which the sanitizer does not wipe, and two ask whether pages are locked, "
         "which its own mlock() does not do"),
        ("unit_tests", [build / "tests/unit/unit_tests"], options),
        ("vector_tests", [build / "tests/vectors/vector_tests"], options),
        ("simulation_tests", [build / "tests/simulation/simulation_tests"], options),
        ("authority_simulation_tests", [build / "tests/simulation/authority_simulation_tests"], options)]
    # All of these wait for most of their time.
    yield [
        ("system_tests", [build / "tests/system/system_tests"], options),
        *(sanitized(entry, options) for entry in python_tests(build, faults=True))]


THREADS_BUILD = ("tsan", ("thread_tests", "planted_race"))


@suite("threads", in_all_only=True, builds=[THREADS_BUILD])
def threads():
    """what the product's threads share, with ThreadSanitizer"""
    build = Build.preset(THREADS_BUILD[0], *THREADS_BUILD[1]) / "tests/system"
    # The sanitizer of g++ 12 needs addresses where it expects them. A kernel may be set to spread them further.
    fixed = ["setarch", "-R"]
    if subprocess.run([*fixed, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        fixed = []
    options = {"TSAN_OPTIONS": "halt_on_error=1"}
    yield "a planted race", ["python3", "tests/system/threads/planted_race.py", *fixed, build / "planted_race"], options
    yield "thread_tests", [*fixed, build / "thread_tests"], options


def sanitized(entry, options):
    """A Python test whose programs have these sanitizer options."""
    label, command, environment = entry
    if label == "faults_memory_test.py":
        return (label, command, {**options, **environment, "NIGHTJAR_OWN_ALLOCATOR": "1"},
                "a sanitizer's allocator ends a relay that has no memory")
    return label, command, {**options, **environment, **small_quarantine(label, options)}


def small_quarantine(label, options):
    """Where a test measures a process's memory, what ASan keeps of freed memory must not count."""
    if label != "faults_socks_test.py":
        return {}
    return {"ASAN_OPTIONS": options["ASAN_OPTIONS"] + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


LAB_BUILD = ("test", ("lab_tests", "nightjar-lab"))


@suite("privacy", in_all_only=True, builds=[LAB_BUILD], cases=Cases("test", ("tests/lab/tests",)))
def privacy():
    """what an adversary learns: the laboratory in its reduced form; `long` has three more experiments"""
    build = Build.preset(LAB_BUILD[0], *LAB_BUILD[1])
    rows = build / "tests/lab/rows"
    rows.mkdir(exist_ok=True)
    # `long` has the others.
    experiments = ("mixing", "headers", "handovers", "sessions", "clocks", "routes", "operators", "active", "held", "drops",
                   "exchange", "target", "metrics")
    yield [("lab_tests", [build / "tests/lab/lab_tests"], {}), *(experiment(build, name, rows) for name in experiments)]


def experiment(build, name, rows):
    """One of the laboratory, in its reduced form."""
    return f"lab {name}", [build / "tests/lab/nightjar-lab", name, "--json", rows / f"{name}.jsonl"], {}


@suite("long", by_name_only=True)
def long():
    """after `privacy`, what --all has no time for: three of its experiments, its page, a simulation with the sanitizers"""
    if subprocess.run(["deploy/install-packages", "plots"], cwd=ROOT).returncode != 0:
        raise RuntimeError("matplotlib cannot be installed, and the laboratory's page needs it")
    build = Build.preset(LAB_BUILD[0], *LAB_BUILD[1])
    rows = build / "tests/lab/rows"
    rows.mkdir(exist_ok=True)
    sanitized_build = Build.preset("fuzz", "client_simulation_tests")
    # Two cases measure times of the law. The sanitizers make them take minutes, and they run no line that others do not.
    speed = "a first byte takes one*,a page of 30 resources*"
    yield [
        ("client_simulation_tests", [sanitized_build / "tests/simulation/client_simulation_tests",
                                     f"--test-case-exclude={speed}"], SANITIZERS,
         "two cases measure times of the law, and run no line that others do not"),
        *(experiment(build, name, rows) for name in ("observer", "linking", "gateway"))]
    # It draws the rows of all experiments, and those of `privacy` as well.
    yield "the laboratory's page", ["/usr/bin/python3", "tests/lab/page_test.py", rows], {}


# These act as several users of the machine, in a network of their own or as a debugger. Only root can.
NEED_ROOT = {"applications_browser_test.py", "doctor_owner_test.py", "life_network_test.py", "listeners_test.py",
             "service_test.py", "whole_machine_test.py"}


def python_test(name, build):
    """Command and environment of a test in tests/system against the programs of this build."""
    return [DEBIAN_PYTHON, ROOT / "tests/system" / name], {"NIGHTJAR_BUILD": str(build)}


def named_test(name, build):
    """The same with its name, and with leave to skip where it needs root."""
    leave = (own_reason,) if name in NEED_ROOT else ()
    return name, *python_test(name, build), *leave


def python_tests(build, faults):
    """The tests/system/*_test.py but those with a suite of their own; faults_* are one too. The longest come first."""
    for path in sorted((ROOT / "tests/system").glob("*_test.py"),
                       key=lambda path: (path.name not in LONGEST_OF_SYSTEM, path.name)):
        if path.name.startswith("faults_") == faults and path.name not in (CAPTURE_TEST, LIVING_TEST, *FURTHER_TESTS,
                                                                                  *APPLICATION_TESTS, *BY_COMMAND):
            yield named_test(path.name, build)
