// The files of the agreements, in the folder `agreement` of the state directory.
#pragma once

#include <filesystem>

#include "relay/authority/core/disk.hpp"

namespace nightjar::relay::authority {

class FolderDisk final : public core::Disk {
 public:
    /// Creates the folder if it does not exist. Throws std::system_error, as all that follows.
    explicit FolderDisk(std::filesystem::path folder);

    void put(const std::string& name, base::ByteView content) override;
    std::optional<base::Bytes> get(const std::string& name) const override;
    std::vector<std::string> names() const override;
    void remove(const std::string& name) override;

 private:
    std::filesystem::path folder_;
};

}  // namespace nightjar::relay::authority
