#include "sphinx/node/process/activation.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "sphinx/directory/endpoint.hpp"
#include "sphinx/node/process/exit_code.hpp"

namespace nightjar::node::process {

using boost::asio::ip::tcp;

namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr int descriptors_most = 64;

struct Passed {
    int descriptor;
    tcp::endpoint address;
};

int option(int descriptor, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

/// The address of a listening TCP socket; nullopt for anything else.
std::optional<tcp::endpoint> listening_address(int descriptor) {
    if (option(descriptor, SO_TYPE) != SOCK_STREAM || option(descriptor, SO_ACCEPTCONN) != 1)
        return std::nullopt;
    tcp::endpoint address;
    auto size = static_cast<socklen_t>(address.capacity());
    if (::getsockname(descriptor, address.data(), &size) != 0) return std::nullopt;
    const auto family = address.data()->sa_family;
    if (family != AF_INET && family != AF_INET6) return std::nullopt;
    return address;
}

std::vector<Passed> passed_sockets() {
    const char* pid = std::getenv("LISTEN_PID");
    const char* text = std::getenv("LISTEN_FDS");
    if (pid == nullptr || text == nullptr || pid != std::to_string(::getpid())) return {};
    const int count = std::clamp(std::atoi(text), 0, descriptors_most);
    std::vector<Passed> passed;
    for (int descriptor = first_descriptor; descriptor < first_descriptor + count; ++descriptor) {
        const auto address = listening_address(descriptor);
        if (!address) {
            throw StartupError{ExitCode::config,
                               "the service manager passed a socket that is no listening TCP "
                               "socket; use ListenStream=IP:PORT in the .socket unit"};
        }
        ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
        passed.push_back({descriptor, *address});
    }
    return passed;
}

/// Those that nothing has taken. A taken one leaves the list, because its number may come back for
/// another file.
std::vector<Passed>& unused() {
    static std::vector<Passed> sockets = passed_sockets();
    return sockets;
}

}  // namespace

tcp::acceptor listen_on(const boost::asio::any_io_executor& executor,
                        const tcp::endpoint& address) {
    auto& sockets = unused();
    const auto found = std::find_if(sockets.begin(), sockets.end(),
                                    [&](const auto& one) { return one.address == address; });
    if (found == sockets.end()) return tcp::acceptor{executor, address, true};
    const int descriptor = found->descriptor;
    sockets.erase(found);
    return tcp::acceptor{executor, address.protocol(), descriptor};
}

void refuse_unused_sockets(const char* key) {
    if (unused().empty()) return;
    const auto& address = unused().front().address;
    const auto text =
        directory::to_text(directory::Endpoint{address.address().to_string(), address.port()});
    throw StartupError{ExitCode::config, "the service manager listens on " + text + ", which `" +
                                             key +
                                             "` does not name; add it there, or take it out "
                                             "of the .socket unit"};
}

}  // namespace nightjar::node::process
