#include "sphinx/node/config/service_name.hpp"

namespace nightjar::node::config {

std::string name_of_service(std::size_t place) {
    return "authority " + std::to_string(place + 1) + " of network.yaml";
}

}  // namespace nightjar::node::config
