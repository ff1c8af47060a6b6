// Talks to the crate behind its line protocol (src/main.rs), one request at a time.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

#include "sphinx/base/bytes.hpp"

namespace nightjar::interop {

class CratePeer {
 public:
    /// Starts the program. Throws std::runtime_error if it cannot be started.
    explicit CratePeer(const std::string& program);
    ~CratePeer();
    CratePeer(const CratePeer&) = delete;
    CratePeer& operator=(const CratePeer&) = delete;

    /// The words of the answer; empty where the crate answers "error". Throws std::runtime_error if
    /// the program has gone.
    std::vector<std::string> ask(const std::string& request);

 private:
    pid_t child_ = -1;
    std::FILE* to_ = nullptr;
    std::FILE* from_ = nullptr;
};

/// "-" for an empty string, as the protocol has it.
std::string word(base::ByteView bytes);
base::Bytes bytes(const std::string& word);

}  // namespace nightjar::interop
