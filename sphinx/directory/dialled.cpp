#include "sphinx/directory/dialled.hpp"

#include <algorithm>

#include "sphinx/base/address.hpp"

namespace nightjar::directory {

std::vector<Endpoint> dialled_addresses(const Relay& relay) {
    auto found = relay.addresses;
    std::erase_if(found, [](const Endpoint& at) {
        const auto address = base::IpAddress::parse(at.host);
        return !address || !base::is_public(*address);
    });
    return found.empty() ? relay.addresses : found;
}

}  // namespace nightjar::directory
