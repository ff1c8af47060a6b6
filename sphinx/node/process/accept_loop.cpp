#include "sphinx/node/process/accept_loop.hpp"

#include <boost/asio/error.hpp>
#include <cerrno>

namespace nightjar::node::process {

bool is_out_of_resources(const boost::system::error_code& error) {
    return error == boost::asio::error::no_descriptors || error == boost::asio::error::no_memory ||
           error == boost::asio::error::no_buffer_space || error.value() == ENFILE;
}

}  // namespace nightjar::node::process
