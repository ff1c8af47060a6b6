// Which bytes this program has. SHA-256 of its file, because a stranger can compute that from a
// published package with sha256sum alone. An ELF build id would not do: the linker notes it over
// what it linked, so the stripped file does not give it, and anyone can write any id into a file.
#pragma once

#include "sphinx/directory/descriptor.hpp"

namespace nightjar::relay::operation {

/// Of the program that runs, even if an upgrade has replaced its file. Computed by the first call,
/// which must come before the sandbox closes the file; any thread. Throws
/// node::process::StartupError if the file cannot be read.
const directory::BuildHash& own_build();

}  // namespace nightjar::relay::operation
