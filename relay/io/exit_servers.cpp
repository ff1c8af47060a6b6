#include "relay/io/exit_servers.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "relay/io/ares_channel.hpp"
#include "sphinx/node/process/log.hpp"

namespace nightjar::relay::io {

using node::process::Level;
using node::process::log;

namespace {

constexpr const char* system_list = "/etc/resolv.conf";

}  // namespace

std::vector<base::IpEndpoint> system_servers(const boost::asio::any_io_executor& executor) {
    return AresChannel{executor, {}}.servers();
}

void log_system_servers(const std::vector<base::IpEndpoint>& servers) {
    std::string text;
    for (const auto& server : servers) {
        const auto address = server.address.to_text();
        text += (text.empty() ? "" : ", ") + (server.address.v6 ? "[" + address + "]" : address) +
                ":" + std::to_string(server.port);
    }
    log(Level::info, "the exit asks the system's name servers: " + text);
    const int list = ::open(system_list, O_RDONLY | O_CLOEXEC);
    if (list >= 0) {
        ::close(list);
        return;
    }
    const std::string why = std::strerror(errno);
    text = "cannot open ";
    text += system_list;
    text += ": " + why + "; make it readable and restart the relay, or set exit.dns.servers";
    log(Level::warning, text);
}

}  // namespace nightjar::relay::io
