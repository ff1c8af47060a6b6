#include "sphinx/node/files/text_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "sphinx/node/files/unique_fd.hpp"

namespace nightjar::node::files {

namespace {

std::error_code last_error() {
    return {errno, std::generic_category()};
}

}  // namespace

base::Result<std::string, std::error_code> read_file(const std::filesystem::path& file,
                                                     std::size_t size_max) {
    // O_NONBLOCK: opening a pipe would wait for its writer.
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return base::Fail{last_error()};
    if (!S_ISREG(status.st_mode))
        return base::Fail{std::make_error_code(std::errc::invalid_argument)};
    std::string text(size_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const auto got = ::read(fd.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::Fail{last_error()};
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    text.resize(size);
    return text;
}

}  // namespace nightjar::node::files
