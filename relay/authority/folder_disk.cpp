#include "relay/authority/folder_disk.hpp"

#include <fstream>
#include <iterator>

#include "sphinx/node/files/atomic_file.hpp"

namespace nightjar::relay::authority {

namespace fs = std::filesystem;

FolderDisk::FolderDisk(fs::path folder) : folder_{std::move(folder)} {
    fs::create_directories(folder_);
}

void FolderDisk::put(const std::string& name, base::ByteView content) {
    node::files::replace_file(folder_ / name, base::as_text(content), node::files::Durability::disk,
                              0600);
}

std::optional<base::Bytes> FolderDisk::get(const std::string& name) const {
    std::ifstream stream{folder_ / name, std::ios::binary};
    if (!stream) return std::nullopt;
    return base::Bytes{std::istreambuf_iterator<char>{stream}, {}};
}

std::vector<std::string> FolderDisk::names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator{folder_})
        all.push_back(entry.path().filename());
    return all;
}

void FolderDisk::remove(const std::string& name) {
    fs::remove(folder_ / name);
}

}  // namespace nightjar::relay::authority
