#include "sphinx/node/process/listen_error.hpp"

#include "sphinx/directory/endpoint.hpp"

namespace nightjar::node::process {

node::process::StartupError cannot_listen(const boost::asio::ip::tcp::endpoint& address,
                                          const boost::system::error_code& error, const char* key) {
    const auto text =
        directory::to_text(directory::Endpoint{address.address().to_string(), address.port()});
    std::string line = "cannot listen on " + text + ": " + error.message() + "; ";
    if (error == boost::system::errc::address_in_use) {
        line += "stop the program that uses this port, or ";
    }
    const bool denied = error == boost::system::errc::permission_denied;
    return {denied ? node::process::ExitCode::key_or_permission : node::process::ExitCode::failure,
            line + "change `" + key + "`"};
}

}  // namespace nightjar::node::process
