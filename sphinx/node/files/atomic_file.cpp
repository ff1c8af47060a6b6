#include "sphinx/node/files/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "sphinx/node/files/unique_fd.hpp"

namespace nightjar::node::files {

namespace {

/// How the operator mends a write that has failed; empty if there is no general answer.
const char* mend(int error) {
    switch (error) {
        case ENOSPC:
        case EDQUOT:
            return "; delete what is not needed on that disk";
        case EROFS:
            return "; mount that file system writable, or name another folder in the configuration "
                   "(in a container: a volume)";
        case EIO:
            return "; that disk fails: see the kernel's log (dmesg), and move the folder to "
                   "another";
        case EACCES:
        case EPERM:
            return "; run as the user that owns the folder";
        default:
            return "";
    }
}

class WriteError final : public std::system_error {
 public:
    WriteError(const std::filesystem::path& file, int error)
        : std::system_error{error, std::generic_category(), "cannot write " + file.string()},
          line_{std::system_error::what() + std::string{mend(error)}} {}
    const char* what() const noexcept override { return line_.c_str(); }

 private:
    std::string line_;
};

[[noreturn]] void fail(const std::filesystem::path& file) {
    throw WriteError{file, errno};
}

void write_all(const std::filesystem::path& file, int fd, std::string_view text) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(file);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace

void replace_file(const std::filesystem::path& file, std::string_view text, Durability durability,
                  unsigned mode) {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
    auto name = (folder / ("." + file.filename().string() + ".XXXXXX")).string();
    const UniqueFd fd{::mkostemp(name.data(), O_CLOEXEC)};
    if (!fd) fail(file);
    try {
        write_all(file, fd.get(), text);
        if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0) fail(file);
        if (durability == Durability::disk && ::fsync(fd.get()) != 0) fail(file);
        if (::rename(name.c_str(), file.c_str()) != 0) fail(file);
    } catch (const std::system_error&) {
        ::unlink(name.c_str());
        throw;
    }
    if (durability == Durability::rename_only) return;
    const UniqueFd parent{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!parent || ::fsync(parent.get()) != 0) fail(file);
}

}  // namespace nightjar::node::files
