#include "relay/operation/descriptors.hpp"

#include <sys/resource.h>

#include <string>
#include <utility>

#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::operation {

namespace {

constexpr base::Seconds interval{600};

}  // namespace

std::uint64_t descriptors_max() {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

void ShortageLog::look(std::uint64_t count, base::Mono now) {
    if (count == std::exchange(seen_, count)) return;
    if (logged_ && now - *logged_ < interval) return;
    logged_ = now;
    node::process::log(node::process::Level::warning,
                       "no file descriptors are left (the limit is " +
                           std::to_string(descriptors_max()) +
                           "): links and an exit's streams are refused; raise the limit "
                           "(LimitNOFILE=65536)");
}

}  // namespace nightjar::relay::operation
