#include "sphinx/node/process/socket_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace nightjar::node::process {

namespace asio = boost::asio;

bool remove_stale_socket(const std::filesystem::path& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return true;
    asio::io_context io{1};
    asio::local::stream_protocol::socket probe{io, asio::local::stream_protocol{}};
    probe.non_blocking(true);  // a listener that accepts nothing must not block us
    boost::system::error_code error;
    probe.connect({path.string()}, error);
    if (error == asio::error::connection_refused) ::unlink(path.c_str());
    return static_cast<bool>(error);
}

}  // namespace nightjar::node::process
