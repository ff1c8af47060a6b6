#include "relay/doctor/file_checks.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>

namespace nightjar::relay::doctor {

namespace fs = std::filesystem;

namespace {

constexpr mode_t of_others = 077;
constexpr mode_t writing = S_IWGRP | S_IWOTH;

std::string number(uid_t user) {
    return std::to_string(user);
}

Finding another_users(const char* what, const fs::path& path, uid_t has, uid_t wanted) {
    return bad(what,
               path.string() + " belongs to user id " + number(has) + ", not to " + number(wanted),
               "chown " + number(wanted) + " " + path.string());
}

/// What is wrong with a key file; nullopt if nothing is.
std::optional<Finding> wrong_key(const fs::path& file, uid_t owner) {
    const auto name = file.string();
    const auto wrong = [](const std::string& seen, const std::string& mend) {
        return bad("keys", seen, mend);
    };
    struct stat status {};
    if (::lstat(file.c_str(), &status) != 0)
        return wrong(name + ": " + std::strerror(errno),
                     "restore it from the backup; a new relay gets one by `nightjar-relay init`");
    if (!S_ISREG(status.st_mode))
        return wrong(name + " is not a regular file", "put the key itself there, not a link");
    if (status.st_uid != owner) return another_users("keys", file, status.st_uid, owner);
    if ((status.st_mode & of_others) != 0)
        return wrong("other users may read " + name, "chmod 600 " + name);
    return std::nullopt;
}

bool on_tmpfs(const fs::path& directory) {
    struct statfs system {};
    if (::statfs(directory.c_str(), &system) != 0) return false;
    const auto type = static_cast<unsigned long>(system.f_type);
    return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

}  // namespace

Finding key_files(const fs::path& data_dir, uid_t owner) {
    for (const auto* name : {"identity.key", "link.key"})
        if (auto wrong = wrong_key(data_dir / name, owner)) return *std::move(wrong);
    return ok("keys", "the key files are there, and only the relay's user may read them");
}

Finding writable_by_others(const operation::RelayConfig& config, const fs::path& config_file) {
    std::string open;
    for (const auto& path : {config.data_dir, config_file, config.network}) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0 || (status.st_mode & writing) == 0) continue;
        open += (open.empty() ? "" : " ") + path.string();
    }
    if (open.empty())
        return ok("modes", "no other user may change the configuration or the anchors");
    return bad("modes", "other users may change " + open, "chmod go-w " + open);
}

Finding runtime_dir(const fs::path& directory, uid_t owner) {
    const auto name = directory.string();
    const auto wrong = [](const std::string& seen, const std::string& mend) {
        return bad("runtime_dir", seen, mend);
    };
    const std::string other_place =
        "set `runtime_dir` to a folder on a tmpfs, for example below /dev/shm; systemd makes one "
        "by RuntimeDirectory=, docker by `--tmpfs " +
        name + ":mode=0700,uid=" + number(owner) + "`";
    struct stat status {};
    if (::lstat(name.c_str(), &status) != 0) {
        const auto parent = directory.parent_path();
        if (errno != ENOENT || ::stat(parent.c_str(), &status) != 0)
            return wrong(name + ": " + std::strerror(errno), other_place);
        if (!on_tmpfs(parent))
            return wrong(name + " does not exist, and would be made on a disk", other_place);
        return ok("runtime_dir", name + " does not exist; `run` makes it on a tmpfs");
    }
    if (!S_ISDIR(status.st_mode))
        return wrong(name + " is not a folder, or a link to one", "name the folder itself");
    if (!on_tmpfs(directory))
        return wrong(name + " is on a disk, where epoch keys must never be", other_place);
    if (status.st_uid != owner)
        return another_users("runtime_dir", directory, status.st_uid, owner);
    if ((status.st_mode & 0777) != 0700)
        return wrong(name + " is accessible to others, or not to its owner", "chmod 700 " + name);
    return ok("runtime_dir", name + " is on a tmpfs, and only the relay's user may enter it");
}

std::optional<Room> room(const fs::path& folder) {
    struct statvfs system {};
    if (::statvfs(folder.c_str(), &system) != 0) return std::nullopt;
    Room room;
    room.folder = folder;
    room.read_only = (system.f_flag & ST_RDONLY) != 0;
    room.size = std::uint64_t{system.f_blocks} * system.f_frsize;
    room.free = std::uint64_t{system.f_bavail} * system.f_frsize;
    room.files = system.f_files == 0 ? 1 : std::uint64_t{system.f_favail};
    return room;
}

}  // namespace nightjar::relay::doctor
