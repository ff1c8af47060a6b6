#include "sphinx/node/process/restart_pause.hpp"

#include <algorithm>

namespace nightjar::node::process {

base::Milliseconds RestartPause::after(base::Nanoseconds lived) {
    if (lived >= limits_.steady) next_ = base::Milliseconds{0};
    const auto pause = next_;
    next_ = std::clamp(2 * pause, limits_.least, limits_.most);
    return pause;
}

}  // namespace nightjar::node::process
