#include "tests/interop/crate_peer.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace nightjar::interop {

CratePeer::CratePeer(const std::string& program) {
    if (access(program.c_str(), X_OK) != 0)
        throw std::runtime_error("no program " + program + " (tests/interop: cargo build)");
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0) throw std::runtime_error("no pipe");
    child_ = fork();
    if (child_ < 0) throw std::runtime_error("cannot fork");
    if (child_ == 0) {
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        for (const int end : {down[0], down[1], up[0], up[1]})
            close(end);
        execl(program.c_str(), program.c_str(), nullptr);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    to_ = fdopen(down[1], "w");
    from_ = fdopen(up[0], "r");
}

CratePeer::~CratePeer() {
    std::fclose(to_);
    std::fclose(from_);
    waitpid(child_, nullptr, 0);
}

std::vector<std::string> CratePeer::ask(const std::string& request) {
    std::fprintf(to_, "%s\n", request.c_str());
    std::fflush(to_);
    char* line = nullptr;
    std::size_t capacity = 0;
    const auto length = getline(&line, &capacity, from_);
    const std::string answer = length > 0 ? line : "";
    std::free(line);
    if (length <= 0) throw std::runtime_error("the crate's program has gone");
    std::istringstream in{answer};
    std::string status;
    in >> status;
    std::vector<std::string> words;
    if (status != "ok") return words;
    for (std::string one; in >> one;)
        words.push_back(one);
    return words;
}

std::string word(base::ByteView bytes) {
    return bytes.empty() ? "-" : base::to_hex(bytes);
}

base::Bytes bytes(const std::string& word) {
    if (word == "-") return {};
    const auto read = base::from_hex(word);
    if (!read) throw std::runtime_error("the crate's program answers nonsense");
    return *read;
}

}  // namespace nightjar::interop
