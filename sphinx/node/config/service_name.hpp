// How a log names an authority's service. A log has no address but the operator's own
// (docs/metrics.md R10).
#pragma once

#include <cstddef>
#include <string>

namespace nightjar::node::config {

/// By its number in network.yaml. `place` is that in AnchorsFile::services, counted from 0.
std::string name_of_service(std::size_t place);

}  // namespace nightjar::node::config
