// NIGHTJAR_CHECK(condition): an assertion that every build keeps, release builds too. It ends the
// process before memory is touched that is not ours. Use it where our own code must hold a size or
// an index, the next statement copies by it, and nothing below would notice: containers and spans
// check their bounds in every build (_GLIBCXX_ASSERTIONS), pointers and iterators do not. Other
// invariants are for assert(). tests/unit/hardening.py finds each check in the programs.
#pragma once

namespace nightjar::base {

/// Writes `what` to standard error and ends the process by SIGABRT.
[[noreturn]] void check_failed(const char* what);

}  // namespace nightjar::base

#define NIGHTJAR_CHECK(condition)                        \
    (static_cast<bool>(condition) ? static_cast<void>(0) \
                                  : ::nightjar::base::check_failed("check: " #condition))
