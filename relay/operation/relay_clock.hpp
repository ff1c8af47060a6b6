// The clock of a running relay: the guard over the machine's clocks, with what an operator sees of
// it. I/O thread only.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/core/counters.hpp"
#include "relay/keys/epoch_keys.hpp"
#include "relay/operation/status.hpp"
#include "sphinx/node/process/clock_guard.hpp"

namespace nightjar::relay::operation {

class RelayClock {
 public:
    /// Goes on with the time that the last process kept in this runtime directory. Throws
    /// node::KeyError.
    explicit RelayClock(const std::filesystem::path& runtime_dir);

    node::process::ClockGuard& guard() { return guard_; }
    /// The kept time.
    base::Wall now() { return guard_.look(node::process::read_clocks()); }
    keys::KeyTime key_time();
    bool jumped() const { return guard_.jumped(); }
    std::optional<StatusFacts::Jump> jump() const;
    /// Believes the wall clock, and says so in the log. Returns false if it has not jumped.
    bool confirm();

    /// Logs a new state with the times that explain it.
    void log_state(core::State state, base::Wall document_end);

 private:
    node::process::ClockGuard guard_;
};

}  // namespace nightjar::relay::operation
