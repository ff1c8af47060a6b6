"""Mutants of what can be checked: a relay's build, a release's manifest, the key exchange of its links."""
from mutant_list import CORE, PROGRAMS, SYSTEM, UNIT, mutant

DESCRIPTOR = "sphinx/directory/descriptor.cpp"
MANIFEST = "relay/operation/manifest.cpp"
ONE_BUILD = "a descriptor names one build, in one way"
FORM = "manifest: each rule of its form"
FOUND = "manifest: a program is found by its name and its bytes"

MUTANTS = [
    mutant("descriptor-without-a-build", DESCRIPTOR, "if (descriptor.build == BuildHash{})\n",
           "if (descriptor.build == BuildHash{{9}})\n", CORE, ONE_BUILD),
    mutant("build-taken-if-there", DESCRIPTOR, 'reader.into(descriptor.build, reader.take("build"));',
           'if (reader.next_is("build")) reader.into(descriptor.build, reader.take("build"));', CORE, ONE_BUILD),
    mutant("build-of-the-zero-bytes", "relay/operation/build.cpp", "static_cast<std::size_t>(file.gcount())", "part.size()",
           "tests/system/doctor_test.py", "Doctor.test_a_build_is_the_hash_of_the_program_that_runs", PROGRAMS),
    mutant("unreleased-is-well", "relay/operation/verify_command.cpp", "answer.manifest && !answer.path;",
           "!answer.manifest && answer.path;", "tests/system/doctor_test.py",
           "Doctor.test_a_build_is_the_hash_of_the_program_that_runs", PROGRAMS),
    mutant("manifest-of-any-size", MANIFEST, "if (text.size() > manifest_size_max)", "if (text.size() > 9 * manifest_size_max)",
           UNIT, FORM),
    mutant("manifest-in-any-order", MANIFEST, "path <= manifest.back().path", "path == manifest.back().path", UNIT, FORM),
    mutant("manifest-with-a-path-twice", MANIFEST, "path <= manifest.back().path", "path < manifest.back().path", UNIT, FORM),
    mutant("manifest-of-absolute-paths", MANIFEST, "text.front() != '/' &&", "", UNIT, FORM),
    mutant("build-of-any-program", MANIFEST, "return packed.hash == hash && path.substr(path.rfind('/') + 1) == program;",
           "return packed.hash == hash && path.ends_with(program);", UNIT, FOUND),
    mutant("build-of-any-bytes", MANIFEST, "return packed.hash == hash && path.substr",
           "return packed.hash[0] == packed.hash[1] && hash[0] != 0 && path.substr", UNIT, FOUND),
    # With the OpenSSL of Debian 12 no link is post-quantum, so these say that one is.
    mutant("every-link-post-quantum", "sphinx/node/link/tls_session.cpp", "impl_->established && group != NID_X25519;",
           "impl_->established && group != 0;", SYSTEM, "a link is post-quantum where OpenSSL can be, and both ends say so"),
    mutant("counts-every-link-as-post-quantum", "relay/io/links.cpp", "from->link.post_quantum() ? 1 : 0;",
           "from->link.post_quantum() ? 1 : 1;", "tests/system/doctor_test.py",
           "Doctor.test_the_status_says_how_many_links_are_post_quantum", PROGRAMS),
]
