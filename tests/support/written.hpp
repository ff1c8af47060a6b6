// What a piece of code writes to standard error, which is the log. One thread writes meanwhile.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace nightjar::test {

template <class Work>
std::string written_to_stderr(const Work& work) {
    const int file = ::memfd_create("stderr", MFD_CLOEXEC);
    const int before = ::dup(STDERR_FILENO);
    if (file < 0 || before < 0 || ::dup2(file, STDERR_FILENO) < 0)
        throw std::runtime_error{"cannot replace standard error"};
    work();
    ::dup2(before, STDERR_FILENO);
    std::string text(1 << 16, '\0');
    const auto size = ::pread(file, text.data(), text.size(), 0);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    ::close(file);
    ::close(before);
    return text;
}

}  // namespace nightjar::test
