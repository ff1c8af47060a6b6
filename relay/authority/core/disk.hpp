// Where an authority keeps what it must not forget. An interface, so that the driver stays pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sphinx/base/bytes.hpp"

namespace nightjar::relay::authority::core {

class Disk {
 public:
    virtual ~Disk() = default;
    /// The content is durable when this returns. If it throws (std::exception), the name has its
    /// old content. A name consists of [0-9a-z.-].
    virtual void put(const std::string& name, base::ByteView content) = 0;
    virtual std::optional<base::Bytes> get(const std::string& name) const = 0;
    virtual std::vector<std::string> names() const = 0;
    virtual void remove(const std::string& name) = 0;
};

}  // namespace nightjar::relay::authority::core
