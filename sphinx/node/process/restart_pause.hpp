// How long to wait before a helper process that has ended is replaced: an attacker who can end it
// gets no new one as often as it likes, and an exit that lost it by chance has the next one at
// once. Pure; one thread.
#pragma once

#include "sphinx/base/time.hpp"

namespace nightjar::node::process {

struct RestartLimits {
    base::Milliseconds least{250};
    base::Milliseconds most{30'000};
    base::Milliseconds steady{60'000};  // one that has lived for so long was no failure
};

class RestartPause {
 public:
    explicit RestartPause(RestartLimits limits) : limits_{limits} {}

    /// The pause after a process that has lived for `lived`: none after the first failure, then
    /// `least`, doubled with each failure up to `most`.
    base::Milliseconds after(base::Nanoseconds lived);

 private:
    RestartLimits limits_;
    base::Milliseconds next_{0};
};

}  // namespace nightjar::node::process
