"""Mutants of the packet library for other languages (sphinx/library)."""
from mutant_list import CORE, mutant

LIBRARY = "sphinx/library/nightjar_packet.cpp"
BUILDING = "sphinx/library/building.cpp"
PYTHON = "sphinx/library/python/nightjar_packet/__init__.py"
TEST = "tests/system/library_test.py"
SHARED = ["nightjar_library_shared"]
ERRORS = "library: a packet that cannot be built or opened has its own error"
SMALL = "library: a buffer that is too small says how much is needed"
MANY = "library: many packets in one call are unwrapped as one by one, each with its error"
BUILT = "library: many packets in one call are built as one by one, each with its error"

MUTANTS = [
    mutant("library-any-version-built", BUILDING,
           "if (wanted != packet::Version::v259 && wanted != packet::Version::v260)", "if (false)", CORE, ERRORS),
    mutant("library-payload-of-any-size", "sphinx/packet/payload.cpp", "payload_size <= payload_size_max &&",
           "payload_size <= payload_size_max + 1 &&", CORE,
           "a payload size above the bound is refused, and never wraps around"),
    mutant("library-one-error-for-all-built", BUILDING, "all[i].error = built[i] ? NIGHTJAR_OK : built[i].error();",
           "all[i].error = built[0] ? NIGHTJAR_OK : built[0].error();", CORE, BUILT),
    mutant("library-packets-in-another-jobs-place", BUILDING, "built[sealed[i]] = std::move(*seals[i].outcome);",
           "built[i] = std::move(*seals[i].outcome);", CORE, BUILT),
    mutant("library-builds-for-no-jobs-refused", BUILDING, "jobs == nullptr && count != 0", "jobs == nullptr", CORE, BUILT),
    mutant("library-network-size-is-the-packets-own", LIBRARY, "key->secret, network_packet_size);",
           "key->secret, network_packet_size > 0 ? packet_size : 0);", CORE, ERRORS),
    mutant("library-writes-past-the-answers-buffer", LIBRARY,
           "if (read->size() > capacity) return NIGHTJAR_SMALL_BUFFER;", "", CORE, SMALL),
    mutant("library-saves-past-the-buffer", LIBRARY, "if (capacity < *size) return NIGHTJAR_SMALL_BUFFER;",
           "if (capacity + 16 < *size) return NIGHTJAR_SMALL_BUFFER;", CORE, SMALL),
    mutant("library-recovery-of-any-length", LIBRARY, "size % packet::key_size != 0)", "false)", CORE,
           "library: a recovery is loaded from 2 to 6 times 16 bytes, nothing else"),
    mutant("library-python-delay-cut-off", PYTHON, "place.delay_ns = hop.delay_ns", "place.delay_ns = hop.delay_ns & 0xffffffff",
           TEST, "InPython.test_forward_vectors", SHARED),
    mutant("library-python-address-of-any-size", PYTHON, 'of_size(hop.address, ADDRESS_SIZE, "address")',
           "bytes(hop.address)[:ADDRESS_SIZE]", TEST, "InPython.test_mistakes_of_the_caller_are_errors_of_python", SHARED),
    mutant("library-python-number-taken-for-zeros", "sphinx/library/python/nightjar_packet/_library.py",
           "if isinstance(data, int):", "if data is None:", TEST, "InPython.test_mistakes_of_the_caller_are_errors_of_python",
           SHARED),
    mutant("library-python-counts-items", PYTHON, "surb = as_bytes(surb, \"surb\")", "surb = as_bytes(surb, \"surb\")[:len(surb)]", TEST,
           "InPython.test_wide_items_are_taken_by_their_bytes", SHARED),
    mutant("library-one-outcome-for-all", LIBRARY, "const auto& outcome = batch[i].outcome;", "const auto& outcome = batch[i / 8].outcome;",
           CORE, MANY),
    mutant("library-no-packets-refused", LIBRARY, "jobs == nullptr && count != 0", "jobs == nullptr", CORE, MANY),
    mutant("library-exports-everything", "sphinx/library/exported.map", "local: *;", "local: nothing;",
           TEST, "InC.test_only_the_functions_of_the_header_are_exported", SHARED),
]
