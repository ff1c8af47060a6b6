#include "sphinx/node/files/runtime_dir.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "sphinx/node/files/unique_fd.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::files {

[[noreturn]] static void refuse(const std::filesystem::path& directory, const std::string& why) {
    throw process::KeyError{directory.string() + ": " + why};
}

/// Returns true if the directory did not exist.
static bool make_directory(const std::filesystem::path& directory) {
    if (::mkdir(directory.c_str(), 0700) == 0) return true;
    if (errno != EEXIST)
        refuse(directory, std::string{"the runtime directory cannot be made: "} +
                              std::strerror(errno) +
                              "; make its parent directory, or name another");
    return false;
}

static UniqueFd open_directory(const std::filesystem::path& directory) {
    UniqueFd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (fd) return fd;
    if (errno == ENOTDIR || errno == ELOOP)
        refuse(directory, "is not a directory (or a symbolic link to one); name the directory");
    refuse(directory, std::string{"the runtime directory cannot be opened: "} +
                          std::strerror(errno) + "; run as the user that owns it");
}

void prepare_runtime_dir(const std::filesystem::path& directory) {
    const bool made = make_directory(directory);
    const auto fd = open_directory(directory);
    struct stat status {};
    struct statfs filesystem {};
    if (::fstat(fd.get(), &status) != 0 || ::fstatfs(fd.get(), &filesystem) != 0)
        refuse(directory, std::string{"cannot be examined: "} + std::strerror(errno));
    const auto type = static_cast<unsigned long>(filesystem.f_type);
    if (type != TMPFS_MAGIC && type != RAMFS_MAGIC) {
        if (made) ::rmdir(directory.c_str());
        refuse(directory,
               "is on a disk, where epoch keys must never be; name a directory on a tmpfs, for "
               "example below /dev/shm, or let the system make one: systemd by RuntimeDirectory=, "
               "docker by `--tmpfs " +
                   directory.string() + ":mode=0700,uid=" + std::to_string(::geteuid()) + "`");
    }
    if (status.st_uid != ::geteuid())
        refuse(directory, "belongs to user id " + std::to_string(status.st_uid) + ", not to " +
                              std::to_string(::geteuid()) + "; chown it or run as its owner");
    if ((status.st_mode & 0777) != 0700)
        refuse(directory, "is accessible to others; chmod 700 " + directory.string());
}

}  // namespace nightjar::node::files
