#include "sphinx/node/process/host_addresses.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <mutex>

namespace nightjar::node::process {

namespace {

using Found = base::Result<std::vector<base::IpAddress>, std::string>;

std::mutex mutex;
std::map<std::string, std::vector<base::IpAddress>> known;
bool asks = true;

std::optional<base::IpAddress> address_of(const addrinfo& info) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (info.ai_family == AF_INET)
        bytes = &reinterpret_cast<const sockaddr_in*>(info.ai_addr)->sin_addr;
    else if (info.ai_family == AF_INET6)
        bytes = &reinterpret_cast<const sockaddr_in6*>(info.ai_addr)->sin6_addr;
    if (bytes == nullptr || ::inet_ntop(info.ai_family, bytes, text.data(), text.size()) == nullptr)
        return std::nullopt;
    return base::IpAddress::parse(text.data());
}

Found ask(const std::string& host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0)
        return base::Fail{std::string{::gai_strerror(error)}};
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{list, &::freeaddrinfo};
    std::vector<base::IpAddress> addresses;
    for (const auto* one = list; one != nullptr; one = one->ai_next)
        if (const auto address = address_of(*one)) addresses.push_back(*address);
    std::ranges::sort(addresses);
    addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
    if (addresses.empty()) return base::Fail{std::string{"it has no IP address"}};
    return addresses;
}

}  // namespace

Found host_addresses(const std::string& host) {
    const std::lock_guard lock{mutex};
    if (const auto found = known.find(host); found != known.end()) return found->second;
    if (!asks)
        return base::Fail{std::string{"names are looked up at the start alone: start again"}};
    auto found = ask(host);
    if (found) known.emplace(host, *found);
    return found;
}

void ask_for_no_other_host() {
    const std::lock_guard lock{mutex};
    asks = false;
}

}  // namespace nightjar::node::process
